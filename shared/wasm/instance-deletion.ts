import type { InstanceId, TenantId, TraceId } from "../ids.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import { wasmError } from "../wasm-error.ts";
import type { InstanceLedger } from "./instance-ledger.ts";
import type { ModuleStore } from "./module-store.ts";
import { ofInstance, OWNED_KINDS } from "./owned-records.ts";

const BATCH = 100;
const ATTEMPTS = 16;

export interface InstanceDeletionDeps {
  readonly ledger: Pick<InstanceLedger, "read" | "remove">;
  readonly store: Pick<ExecutionStore, "listRecords" | "write">;
  readonly modules: Pick<ModuleStore, "release">;
}

/**
 * Takes a stopped instance away: what it owns first, then its record with a last entry in its log, then its module if nothing else
 * needs it. Cut short, it is finished by being asked again, or by the daily job; the log keeps the facts.
 */
export function createInstanceDeletion({ ledger, store, modules }: InstanceDeletionDeps) {
  /** Deletes the records of a kind that belong to the instance, some at a time. */
  const clear = async (tenantId: TenantId, kind: string, instanceId: InstanceId): Promise<void> => {
    let conflicts = 0;
    while (conflicts < ATTEMPTS) {
      const { items } = await store.listRecords(tenantId, kind, ofInstance(instanceId), { limit: BATCH });
      if (items.length === 0) return;
      const records = items.map(({ id, version }) => ({
        kind,
        id,
        expectedVersion: version,
        body: undefined,
        facets: [],
        sortMs: 0,
      }));
      const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records });
      if (outcome === "conflict") conflicts += 1;
    }
    throw wasmError("RESOURCE_EXHAUSTED", `What the instance ${instanceId} keeps is being changed; try again.`, {
      reason: "contended",
    });
  };

  return async (tenantId: TenantId, instanceId: InstanceId, traceId: TraceId): Promise<void> => {
    const { metadata } = await ledger.read(tenantId, instanceId);
    if (metadata.status === "stopped") for (const kind of OWNED_KINDS) await clear(tenantId, kind, instanceId);
    await ledger.remove(tenantId, instanceId, traceId);
    await modules.release(tenantId, metadata.module_hash);
  };
}
