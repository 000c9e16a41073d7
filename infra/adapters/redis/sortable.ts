export const TIME_DIGITS = 9;
const LOW_DIGITS = 5;
const LOW = 36 ** LOW_DIGITS;

/** A time as text that sorts as it does: milliseconds since 1970 in base 36, until the year 5188. */
export function timeKey(timeMs: number): string {
  const ms = Math.max(0, Math.floor(timeMs));
  // In two halves: a number that does not fit into 31 bits takes many times as long to write in base 36.
  const low = (ms % LOW).toString(36).padStart(LOW_DIGITS, "0");
  return (
    Math.floor(ms / LOW)
      .toString(36)
      .padStart(TIME_DIGITS - LOW_DIGITS, "0") + low
  );
}

export function readTimeKey(key: string): number {
  return Number.parseInt(key, 36);
}

/** A natural number as text that sorts as it does, and before any longer text: how many digits (A is one), then the digits. */
export function countKey(count: number): string {
  const digits = String(count);
  return String.fromCodePoint(64 + digits.length) + digits;
}
