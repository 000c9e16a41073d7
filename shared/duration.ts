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
