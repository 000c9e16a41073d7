import type { Clock } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/logger.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { HotRedis } from "./hot-redis.ts";
import { createHotTier, type HotTimes } from "./hot-tier.ts";
import { createLogTail } from "./log-tail.ts";
import { createStrictTier } from "./strict-tier.ts";
import { createTailKeeper } from "./tail-keeper.ts";

export interface TieredStoreDeps {
  /** Decides, and keeps: Firestore. */
  readonly cold: ExecutionStore;
  readonly redis: HotRedis;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unique texts, for announcements. */
  readonly nonce: () => string;
  readonly times?: Partial<HotTimes>;
}

const TIMES: HotTimes = { inDoubtMs: 120_000, restMs: 120_000, youngMs: 2_000, tailEntries: 10_000 };

/** The cloud's store: the cold store decides, Redis serves what is hot and what is declared fast (ADR 0014). */
export function createTieredStore({ cold, redis, clock, logger, nonce, times }: TieredStoreDeps): ExecutionStore {
  const hot = createHotTier({ redis, nonce, clock, logger, times: { ...TIMES, ...times } });
  const keeper = createTailKeeper({ cold, hot, logger, nonce, now: () => clock.now() });
  const tail = createLogTail({ cold, hot, keeper, logger, nonce });
  const strict = createStrictTier({ cold, hot, clock });
  const underWay = new Set<Promise<unknown>>();
  let closed = false;

  /** Every call is known until it is over, so that closing can wait for what was asked before. */
  const asked = <Args extends readonly unknown[], Answer>(call: (...args: Args) => Promise<Answer>) => {
    return async (...args: Args): Promise<Answer> => {
      if (closed) throw storeClosed();
      const answer = call(...args);
      underWay.add(answer);
      try {
        return await answer;
      } finally {
        underWay.delete(answer);
      }
    };
  };

  return {
    accept: asked(strict.accept),
    claim: asked(strict.claim),
    commit: asked(strict.commit),
    write: asked(strict.write),
    readExecution: asked(strict.readExecution),
    listExecutions: asked((...args) => cold.listExecutions(...args)),
    readLog: asked((...args) => tail.read(...args)),
    readRecord: asked(strict.readRecord),
    listRecords: asked((...args) => cold.listRecords(...args)),
    unpublished: asked((...args) => cold.unpublished(...args)),
    markPublished: asked((...args) => cold.markPublished(...args)),
    readMail: asked((...args) => cold.readMail(...args)),
    beat: asked((...args) => cold.beat(...args)),
    retire: asked((...args) => cold.retire(...args)),
    due: asked((query) => cold.due(query)),
    abandoned: asked((query) => cold.abandoned(query)),
    purge: asked((query) => cold.purge(query)),
    ping: asked(async () => {
      await Promise.all([cold.ping(), hot.ping().catch(hotTierAway)]);
    }),
    close: async () => {
      closed = true;
      await Promise.allSettled(underWay);
      await keeper.idle();
      await Promise.all([cold.close(), hot.close()]);
    },
  };
}

function storeClosed(): RuntimeError {
  return new RuntimeError("store.unavailable", "The store was closed.", { status: 503, retryable: true });
}

/** Readiness shows the code: it must say which of the two stores is missing. */
function hotTierAway(cause: unknown): never {
  throw new RuntimeError("hot_tier.unavailable", "Redis, the hot tier of the store, cannot be reached.", {
    status: 503,
    retryable: true,
    cause,
  });
}
