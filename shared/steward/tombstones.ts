import type { Clock } from "../clock.ts";
import { durationMs } from "../duration.ts";

/**
 * A tombstone refuses what a worker that was given up still writes. A step ends after an hour at most, a worker that is silent for
 * three seconds loses it; what is left is a process that was frozen with a request half sent. A platform that freezes processes
 * for weeks and then lets them go on with an open connection is not known.
 */
const KEPT_MS = durationMs("30d");
/** In one transaction. */
const AT_ONCE = 1_000;

/** Drops the tombstones of a store that nobody can meet any more; returns how many. */
export async function dropOldTombstones(
  clock: Clock,
  drop: (old: { readonly beforeMs: number; readonly limit: number }) => Promise<number>,
): Promise<number> {
  const old = { beforeMs: clock.now() - KEPT_MS, limit: AT_ONCE };
  let dropped = 0;
  for (;;) {
    const some = await drop(old);
    dropped += some;
    if (some < AT_ONCE) return dropped;
  }
}
