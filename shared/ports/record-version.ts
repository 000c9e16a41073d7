import type { RecordWrite } from "./execution-store.ts";

/** More changes than a record can have in a millisecond. */
const PER_MS = 1_000;

/**
 * The first version of a record that is created at a time: above all that one of its name had before it was deleted, so that nobody takes the
 * new one for the old one that he read (ADR 0040). Between the clocks of two processes, or within one millisecond, it may only differ from them.
 */
export function firstVersionAt(nowMs: number): number {
  return Math.max(1, Math.trunc(nowMs)) * PER_MS;
}

/** The version that a record has once it is written. */
export function versionAfter({
  expectedVersion,
  firstVersion = 1,
}: Pick<RecordWrite, "expectedVersion" | "firstVersion">): number {
  return expectedVersion === 0 ? firstVersion : expectedVersion + 1;
}
