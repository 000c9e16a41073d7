import { randomUUID } from "node:crypto";

import type { Clock } from "../../../shared/clock.ts";
import type { Random } from "../../../shared/random.ts";

/** setTimeout counts in 32 bits: a longer pause is made of several. */
const LONGEST_MS = 2_147_483_647;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // Not node:timers/promises, which makes an error with a stack for each pause that is cut short: every step has one.
  sleep: (delayMs, signal) =>
    new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const pause = (leftMs: number): void => {
        if (leftMs > LONGEST_MS) timer = setTimeout(() => pause(leftMs - LONGEST_MS), LONGEST_MS);
        else timer = setTimeout(end, leftMs);
      };
      if (delayMs <= 0 || signal?.aborted === true) {
        resolve();
        return;
      }
      signal?.addEventListener("abort", end, { once: true });
      pause(delayMs);
    }),
};

/** Counts from the start of the process, and is never set: for lengths of time that something safe hangs on. */
export const stopwatch: Clock = {
  now: () => performance.now(),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs, signal),
};

/** The machine's own randomness. */
export const systemRandom: Random = { uuid: () => randomUUID(), fraction: () => Math.random() };
