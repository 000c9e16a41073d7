export const TIME_DIGITS = 9;

/** A time as text that sorts as it does: milliseconds since 1970 in base 36, until the year 5188. */
export function timeKey(timeMs: number): string {
  return Math.max(0, Math.floor(timeMs)).toString(36).padStart(TIME_DIGITS, "0");
}

export function readTimeKey(key: string): number {
  return Number.parseInt(key, 36);
}

/** A natural number as text that sorts as it does, and before any longer text: how many digits (A is one), then the digits. */
export function countKey(count: number): string {
  const digits = String(count);
  return String.fromCodePoint(64 + digits.length) + digits;
}
