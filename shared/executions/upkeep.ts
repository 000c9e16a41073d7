import type { Clock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { OutboxRelay } from "../state/outbox-relay.ts";
import type { InstanceRestarts } from "../wasm/instance-restarts.ts";
import type { Recovery } from "./recovery.ts";

const SWEEP_EVERY_MS = 1_000;
/** When a worker has fallen silent: its work is taken up as soon as it counts as dead. */
const EXPECTANT_SWEEP_MS = 100;
const PURGE_EVERY_MS = durationMs("10m");
/** How long a published message stays to be looked at. */
const KEEP_PUBLISHED_MS = durationMs("24h");

/** Drops what has expired from the store; returns how many rows went. */
export function purge(store: Pick<ExecutionStore, "purge">, nowMs: number): Promise<number> {
  return store.purge({ nowMs, publishedBeforeMs: nowMs - KEEP_PUBLISHED_MS });
}

/** What a process does for itself where no scheduler calls it: sweeps, publishes what was missed, and purges. */
export interface Upkeep {
  /** Resolves when the round that is under way is over. */
  stop(): Promise<void>;
}

export interface UpkeepDeps {
  readonly recovery: Recovery;
  readonly restarts: Pick<InstanceRestarts, "sweep">;
  readonly relay: OutboxRelay;
  readonly store: ExecutionStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function startUpkeep({ recovery, restarts, relay, store, clock, logger }: UpkeepDeps): Upkeep {
  const stopped = new AbortController();
  let purgedMs = clock.now();

  /** Resolves to how long to rest after it. Each part may wait for a store that is away, so once it is to stop it begins none. */
  const round = async (): Promise<number> => {
    const { expectsMore } = await recovery.sweep();
    if (!stopped.signal.aborted) await restarts.sweep();
    if (!stopped.signal.aborted) await store.carry?.();
    if (stopped.signal.aborted) return 0;
    await relay.drain();
    if (clock.now() - purgedMs >= PURGE_EVERY_MS) {
      purgedMs = clock.now();
      await purge(store, purgedMs);
    }
    return expectsMore ? EXPECTANT_SWEEP_MS : SWEEP_EVERY_MS;
  };

  const rounds = (async () => {
    while (!stopped.signal.aborted) {
      const restMs = await round().catch((error: unknown) => {
        logger.error("a round of upkeep failed", errorFields(error));
        return SWEEP_EVERY_MS;
      });
      await clock.sleep(restMs, stopped.signal);
    }
  })();

  return {
    stop: async () => {
      stopped.abort();
      await rounds;
    },
  };
}
