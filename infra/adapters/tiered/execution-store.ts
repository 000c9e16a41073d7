import type { Clock } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import type { Ids } from "../../../shared/ids.ts";
import type { Logger } from "../../../shared/logger.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { createArchivist } from "./archivist.ts";
import { createCourier } from "./courier.ts";
import { createFastTier } from "./fast-tier.ts";
import { createHomes } from "./homes.ts";
import type { HotRedis } from "./hot-redis.ts";
import { createHotTier, type HotTimes } from "./hot-tier.ts";
import { createTieredLogKeeping } from "./log-keeping.ts";
import { createLogOfOne } from "./log-of-one.ts";
import { createLogTail } from "./log-tail.ts";
import { noticeMessages } from "./notices.ts";
import { createSpans } from "./spans.ts";
import { createStrictTier } from "./strict-tier.ts";
import { createTailKeeper } from "./tail-keeper.ts";
import { createTwoHomes } from "./two-homes.ts";

export interface TieredStoreDeps {
  /** Decides, and keeps: Firestore. Must be able to `prolong`. */
  readonly cold: ExecutionStore;
  /** Redis as a store of its own: it alone accepts and commits what is declared fast. */
  readonly fast: ExecutionStore;
  /** The same Redis, for copies and the tail of the log. */
  readonly redis: HotRedis;
  /** What processes compare: the cold store's, which decides. */
  readonly clock: Clock;
  /** Never set: no span may last longer than it counts. */
  readonly stopwatch: Clock;
  readonly logger: Logger;
  readonly ids: Pick<Ids, "event" | "worker">;
  readonly times?: Partial<HotTimes>;
}

const TIMES: HotTimes = { inDoubtMs: 120_000, restMs: 120_000, youngMs: 2_000, spanMs: 2_000, tailEntries: 10_000 };

/** The cloud's store: the cold store decides, Redis serves what is hot and decides what is declared fast (ADR 0014). */
export function createTieredStore({
  cold,
  fast,
  redis,
  clock,
  stopwatch,
  logger,
  ids,
  times,
}: TieredStoreDeps): ExecutionStore {
  const nonce = (): string => ids.event();
  const hot = createHotTier({ redis, nonce, clock: stopwatch, logger, times: { ...TIMES, ...times } });
  const keeper = createTailKeeper({ cold, hot, logger, nonce, now: () => clock.now() });
  const tail = createLogTail({ cold, hot, keeper, logger, nonce });
  const spans = createSpans(hot, stopwatch);
  const strict = createStrictTier({ cold, hot, spans, clock: stopwatch });
  const homes = createHomes(fast, cold);
  const messageOf = noticeMessages(ids);
  const fastTier = createFastTier({ fast, strict, homes, messageOf, logger });
  const archivist = createArchivist({ fast, cold, strict, homes, clock, workerId: ids.worker() });
  const courier = createCourier({ fast, cold, write: strict.write, archivist, homes, clock, logger });
  const both = createTwoHomes({
    cold,
    fast,
    hot,
    strict,
    fastTier,
    archivist,
    homes,
    clock,
    messageOf,
    onColdNotice: () => courier.expectCold(),
  });
  const keeping = createTieredLogKeeping(cold, hot);
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

  const logOfOne = createLogOfOne(fast, tail, homes);
  return {
    accept: asked(both.accept),
    claim: asked(both.claim),
    commit: asked(both.commit),
    write: asked(both.write),
    readExecution: asked(both.readExecution),
    listExecutions: asked((...args) => cold.listExecutions(...args)),
    readLog: asked((tenantId, filter, page) => {
      const { executionId } = filter;
      return executionId === undefined
        ? tail.read(tenantId, filter, page)
        : logOfOne(tenantId, { ...filter, executionId }, page);
    }),
    readRecord: asked((...args) => strict.readRecord(...args)),
    listRecords: asked((...args) => cold.listRecords(...args)),
    unpublished: asked(both.unpublished),
    markPublished: asked(both.markPublished),
    readMail: asked(both.readMail),
    beat: asked(both.beat),
    retire: asked(both.retire),
    due: asked(both.due),
    abandoned: asked(both.abandoned),
    purge: asked(both.purge),
    prolong: asked((...args) => strict.prolong(...args)),
    carry: asked(() => courier.carry()),
    keeping: { tenants: asked(() => keeping.tenants()), forget: asked((...args) => keeping.forget(...args)) },
    ping: asked(async () => {
      await Promise.all([cold.ping(), hot.ping().catch(hotTierAway)]);
    }),
    close: async () => {
      closed = true;
      await Promise.allSettled(underWay);
      await spans.close();
      await keeper.idle();
      await Promise.all([cold.close(), fast.close(), hot.close()]);
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
