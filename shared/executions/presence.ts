import type { Clock } from "../clock.ts";
import type { WorkerId } from "../ids.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import { atTheRightTime } from "../store-clock.ts";

export const BEAT_EVERY_MS = 1_000;
/** How long after its last beat a worker counts as dead. */
export const DEAD_AFTER_MS = 3_000;
/** How long after its last beat a worker has missed one. */
export const SILENT_AFTER_MS = 1_500;
/** How long a worker without work goes on beating, so that steady traffic does not pay a beat for each execution. */
const LINGER_MS = 10_000;

/**
 * Tells the store that this worker lives, for as long as it holds work: one row a second, whatever it holds, and nothing when idle.
 * Liveness only: safety is the epoch's.
 */
export interface Presence {
  readonly workerId: WorkerId;
  /**
   * Resolves once the store knows that this worker lives, to the time in epoch milliseconds by which it may claim; call `leave` when the
   * work is done.
   */
  enter(): Promise<number>;
  leave(): void;
  /** Ends the beating and gives up all that this worker still holds. */
  retire(): Promise<void>;
}

export interface PresenceDeps {
  readonly store: ExecutionStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly workerId: WorkerId;
}

export function createPresence({ store, clock, logger, workerId }: PresenceDeps): Presence {
  const ended = new AbortController();
  let holding = 0;
  let lastBeatMs = Number.NEGATIVE_INFINITY;
  let lastHeldMs = 0;
  let beating: Promise<void> | undefined;
  let first: Promise<void> | undefined;

  const beat = (): Promise<void> =>
    atTheRightTime(clock, async (nowMs) => {
      await store.beat(workerId, nowMs);
      lastBeatMs = nowMs;
    });

  const keepBeating = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(BEAT_EVERY_MS, ended.signal);
      if (holding > 0) lastHeldMs = clock.now();
      if (ended.signal.aborted || clock.now() - lastHeldMs > LINGER_MS) return;
      await beat().catch((error: unknown) => logger.error("the heartbeat was not stored", errorFields(error)));
    }
  };

  return {
    workerId,
    enter: async () => {
      holding += 1;
      let nowMs = clock.now();
      lastHeldMs = nowMs;
      // After a freeze of the process the last beat may be old, and after the clock was set back of a time that is still to come: then
      // it must beat before it takes on work.
      if (Math.abs(nowMs - lastBeatMs) > DEAD_AFTER_MS / 2) {
        first ??= beat().finally(() => {
          first = undefined;
        });
        try {
          await first;
          nowMs = clock.now();
          lastHeldMs = nowMs;
        } catch (error) {
          holding -= 1;
          throw error;
        }
      }
      beating ??= keepBeating().finally(() => {
        beating = undefined;
      });
      return nowMs;
    },
    leave: () => {
      holding -= 1;
    },
    retire: async () => {
      ended.abort();
      await beating;
      await store.retire(workerId);
    },
  };
}
