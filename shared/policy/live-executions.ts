import type { Clock } from "../clock.ts";
import type { TenantId } from "../ids.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";

const COUNT_EVERY_MS = 1_000;
/** At the limit it is counted more often, so that a place that became free is soon seen. */
const RECOUNT_AFTER_MS = 100;
const MAX_TENANTS = 10_000;

/**
 * How many executions of a tenant are not over, as the store's own index of unfinished executions says: nothing is counted up or
 * down that a crash could leave wrong.
 *  E1  Between two counts this process adds what it lets in itself. So the limit is exceeded at most by what other processes let in
 *      within COUNT_EVERY_MS.
 *  E2  What ended is seen at the next count, RECOUNT_AFTER_MS later at the most when the limit is reached.
 */
export interface LiveExecutions {
  /** Whether there is room for one more, which then counts. */
  enter(tenantId: TenantId, limit: number): Promise<boolean>;
}

interface Count {
  live: number;
  atMs: number;
  counting: Promise<void> | undefined;
}

export function createLiveExecutions({
  store,
  clock,
}: {
  readonly store: Pick<ExecutionStore, "listExecutions">;
  readonly clock: Clock;
}): LiveExecutions {
  const counts = new Map<TenantId, Count>();

  const count = async (tenantId: TenantId, known: Count, limit: number): Promise<void> => {
    const found = await store.listExecutions(tenantId, { live: true }, { limit });
    known.live = found.items.length;
    known.atMs = clock.now();
  };

  return {
    enter: async (tenantId, limit) => {
      if (counts.size >= MAX_TENANTS && !counts.has(tenantId)) counts.clear();
      const known = counts.get(tenantId) ?? { live: 0, atMs: Number.NEGATIVE_INFINITY, counting: undefined };
      counts.set(tenantId, known);
      const age = clock.now() - known.atMs;
      if (age >= (known.live >= limit ? RECOUNT_AFTER_MS : COUNT_EVERY_MS)) {
        known.counting ??= count(tenantId, known, limit).finally(() => {
          known.counting = undefined;
        });
        await known.counting;
      }
      if (known.live >= limit) return false;
      known.live += 1;
      return true;
    },
  };
}
