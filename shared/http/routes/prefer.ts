const MAX_WAIT_MS = 600_000;

/** How long a caller wants to wait for a result, in milliseconds, from its Prefer header (RFC 7240, sections 4.1 and 4.3). */
export function readPreference(header: string | undefined, fallbackMs: number): number {
  for (const preference of (header ?? "").toLowerCase().split(",")) {
    const text = preference.trim();
    if (text === "respond-async") return 0;
    const seconds = /^wait="?(\d{1,9})"?$/.exec(text)?.[1];
    if (seconds !== undefined) return Math.min(Number(seconds) * 1_000, MAX_WAIT_MS);
  }
  return fallbackMs;
}
