import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import type { Clock } from "../../../shared/clock.ts";
import type { Random } from "../../../shared/random.ts";

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (delayMs, signal) => {
    // setTimeout counts in 32 bits: a longer pause is made of shorter ones.
    let leftMs = delayMs;
    while (leftMs > 0 && signal?.aborted !== true) {
      const part = Math.min(leftMs, 2_147_483_647);
      await delay(part, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      leftMs -= part;
    }
  },
};

/** The machine's own randomness. */
export const systemRandom: Random = { uuid: () => randomUUID(), fraction: () => Math.random() };
