import { RuntimeError } from "./errors.ts";

/** A span of time as people write it: `250ms`, `20s`, `5m`, `48h`, `30d`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** The duration in milliseconds. Throws `duration.invalid` for anything that is not a number and a unit. */
export function durationMs(duration: Duration): number {
  const match = PATTERN.exec(duration);
  if (match === null) {
    throw new RuntimeError(
      "duration.invalid",
      `${JSON.stringify(duration)} is no duration; write for example 250ms, 20s, 5m, 48h, 30d.`,
    );
  }
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}

/** A duration as people read it: `12 ms`, `1.25 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function humanDuration(spanMs: number): string {
  if (spanMs < 1_000) return `${Math.max(0, Math.round(spanMs))} ms`;
  const seconds = spanMs / 1_000;
  if (seconds < 60) return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return two(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
