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
