/** Time as the code sees it; injected, so that tests and the simulation own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC. */
  now(): number;
  /** Resolves after `delayMs`, or at once when `signal` aborts. For pacing only: what must happen is a durable timer. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** RFC 3339, UTC, with milliseconds: the one form of a time on the wire. */
export function rfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Whether a text is a time as `rfc3339` writes it, in the years 1 to 9999: JavaScript takes more for a time than any store does. */
export function isRfc3339(text: string): boolean {
  const epochMs = Date.parse(text);
  return /^(?!0000)\d{4}-/.test(text) && !Number.isNaN(epochMs) && rfc3339(epochMs) === text;
}

export function parseRfc3339(text: string): number {
  return Date.parse(text);
}
