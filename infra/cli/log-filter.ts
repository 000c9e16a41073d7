import { rfc3339 } from "../../shared/clock.ts";
import { durationMs } from "../../shared/duration.ts";
import { usageError } from "./exit-codes.ts";

export const TIME_FLAGS = {
  from: { type: "string", value: "TIME", about: "from this time on: RFC 3339, or how long ago, such as 15m, 2h, 3d" },
  to: { type: "string", value: "TIME", about: "before this time" },
} as const;

/** An instant of the command line, in RFC 3339. Throws `cli.usage`. */
export function instantOf(flag: string, text: string | undefined, nowMs: number): string | undefined {
  if (text === undefined) return undefined;
  const agoMs = agoOf(text);
  if (agoMs !== undefined && agoMs > nowMs) throw usageError(`--${flag} is "${text}", which is before 1970.`);
  if (agoMs !== undefined) return rfc3339(nowMs - agoMs);
  const atMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs))
    throw usageError(`--${flag} is "${text}"; write 2026-01-31T12:00:00Z, or how long ago, such as 15m.`);
  return rfc3339(atMs);
}

function agoOf(text: string): number | undefined {
  if (!/^\d/.test(text) || text.includes("-")) return undefined;
  try {
    return durationMs(text as Parameters<typeof durationMs>[0]);
  } catch {
    return undefined;
  }
}
