import { RuntimeError } from "../../../shared/errors.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { LogKeeping } from "../../../shared/ports/log-keeping.ts";
import { tenantKeys } from "./hot-redis.ts";
import type { HotTier } from "./hot-tier.ts";
import { FORGET_PLACES } from "./tail-scripts.ts";

/** Forgets executions of the cold store, and then what Redis has of them. Fast ones are kept by Redis until they end, and archived. */
export function createTieredLogKeeping(cold: ExecutionStore, hot: HotTier): LogKeeping {
  const keeping = (): LogKeeping => {
    if (cold.keeping === undefined) throw new RuntimeError("store.keeps_everything", "The cold store cannot forget.");
    return cold.keeping;
  };
  return {
    tenants: () => keeping().tenants(),
    forget: async (tenantId, executionId) => {
      const copies = [tenantKeys(tenantId).execution(executionId)];
      const announcement = await hot.begin(tenantId, { copies, log: [] });
      const outcome = await keeping().forget(tenantId, executionId);
      // Doing it again ends what is cut short here.
      if (outcome === "forgotten") {
        await hot.run(tenantId, FORGET_PLACES, [hot.nonce(), encodeURIComponent(executionId)]);
      }
      await hot.finish(announcement, [{ mode: outcome === "forgotten" ? "drop" : "keep" }], false);
      return outcome;
    },
  };
}
