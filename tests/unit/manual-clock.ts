import type { Clock } from "../../shared/clock.ts";

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves time on, waking each sleeper at its own moment, with all that it sets off on the event loop done before the next. */
  advance(byMs: number): Promise<void>;
  /** How many sleep right now. */
  readonly sleepers: number;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

export const START_MS = Date.parse("2026-01-01T00:00:00.000Z");

export function createManualClock(startMs: number = START_MS): ManualClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();

  const earliest = (): Sleeper | undefined => [...sleepers].toSorted((a, b) => a.dueMs - b.dueMs)[0];

  return {
    now: () => nowMs,
    get sleepers() {
      return sleepers.size;
    },
    sleep: (delayMs, signal) => {
      if (delayMs <= 0 || signal?.aborted === true) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      const sleeper: Sleeper = {
        dueMs: nowMs + delayMs,
        wake: () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", sleeper.wake);
          resolve();
        },
      };
      sleepers.add(sleeper);
      signal?.addEventListener("abort", sleeper.wake);
      return promise;
    },
    advance: async (byMs) => {
      const targetMs = nowMs + byMs;
      await settled();
      for (let next = earliest(); next !== undefined && next.dueMs <= targetMs; next = earliest()) {
        nowMs = next.dueMs;
        next.wake();
        await settled();
      }
      nowMs = targetMs;
    },
  };
}

/** Resolves after enough turns of the event loop for promises and group commits to run dry; it does not wait for files. */
export async function settled(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
