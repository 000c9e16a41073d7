import type { Clock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import type { Ids, TenantId } from "../ids.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import { everyPage } from "../ports/paging.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { dropOldCreations } from "./creation-key.ts";
import { instanceKind, statusFacet } from "./instance-record.ts";
import type { InstanceService } from "./instance-service.ts";
import { listModuleTenants } from "./module-tenants.ts";
import type { ModuleStore } from "./module-store.ts";

/** How long a stopped instance can be looked at. */
const KEPT_STOPPED_MS = durationMs("30d");
const PAGE = 100;

export interface InstanceRetentionReport {
  readonly deletedInstances: number;
  /** Tenants whose turn failed; it is in the logs why, and the next run tries again. */
  readonly failedTenants: number;
}

/** Deletes instances that were stopped 30 days ago, modules that nothing needs, and idempotency keys that are a day old. */
export interface InstanceRetention {
  /** One run over all tenants that have, or had, something of it, for a scheduler. */
  run(): Promise<InstanceRetentionReport>;
}

export interface InstanceRetentionDeps {
  readonly instances: Pick<InstanceService, "remove">;
  readonly modules: Pick<ModuleStore, "sweep">;
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "trace">;
  readonly logger: Logger;
}

export function createInstanceRetention(deps: InstanceRetentionDeps): InstanceRetention {
  const { instances, modules, surface, clock, ids, logger } = deps;

  const deleteStopped = async (tenantId: TenantId): Promise<number> => {
    let deleted = 0;
    const facet = statusFacet("stopped");
    for await (const items of everyPage((cursor) =>
      surface.list(tenantId, instanceKind, facet, { limit: PAGE, cursor }),
    )) {
      for (const { value } of items) {
        if (value.since_ms === undefined || clock.now() - value.since_ms < KEPT_STOPPED_MS) continue;
        await instances.remove(tenantId, value.metadata.instance_id, ids.trace());
        deleted += 1;
      }
    }
    return deleted;
  };

  return {
    run: async () => {
      let [deletedInstances, failedTenants] = [0, 0];
      for (const tenantId of await listModuleTenants(surface)) {
        try {
          deletedInstances += await deleteStopped(tenantId);
          await modules.sweep(tenantId);
          await dropOldCreations(deps, tenantId, clock.now());
        } catch (error) {
          failedTenants += 1;
          logger.error("the instances of a tenant could not be kept within their time", {
            tenant_id: tenantId,
            ...errorFields(error),
          });
        }
      }
      return { deletedInstances, failedTenants };
    },
  };
}
