import * as z from "zod";

import type { Clock } from "../clock.ts";
import { asId, idSchemas, type InstanceId, type TenantId, trustedTenantId } from "../ids.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import { ALL, type RecordKind } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { PLATFORM } from "./plane-records.ts";

const BATCH = 100;
/** Listings are newest first: what is due earliest is to be first. */
const LAST_MS = 9_999_999_999_999;

const timerSchema = z.object({
  tenant_id: z.string(),
  instance_id: idSchemas.instance,
  epoch: z.int().positive(),
  due_ms: z.int(),
});
type RestartTimer = z.infer<typeof timerSchema>;

const timerKind: RecordKind<RestartTimer> = { name: "wasm_timer", schema: timerSchema, facets: () => [] };

export interface DueRestart {
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
  /** The epoch that crashed. */
  readonly epoch: number;
  readonly dueMs: number;
}

/**
 * When instances are to be looked at again, over all tenants.
 *  T1  A timer is written before the commit that needs it: one without its commit is looked at in vain, none is missing.
 *  T2  It stays until it was looked at after it was due.
 */
export interface RestartTimers {
  set(restart: DueRestart): Promise<void>;
  /** What is due, the longest due first. */
  due(): Promise<readonly DueRestart[]>;
  /** Takes a timer away that its instance needs no more. */
  clear(restart: DueRestart): Promise<void>;
}

export interface RestartTimersDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly clock: Clock;
}

export function createRestartTimers({ store, surface, clock }: RestartTimersDeps): RestartTimers {
  return {
    set: async (restart) => {
      const { tenantId, instanceId, epoch, dueMs } = restart;
      const unit = new UnitOfWork(surface, PLATFORM, LAST_MS - dueMs);
      // One that is there already says the same.
      unit.put(timerKind, idOf(restart), { tenant_id: tenantId, instance_id: instanceId, epoch, due_ms: dueMs });
      await store.write(PLATFORM, { ...NO_CHANGE, records: unit.records });
    },
    due: async () => {
      const { items } = await surface.list(PLATFORM, timerKind, ALL, { limit: BATCH });
      const nowMs = clock.now();
      return items
        .filter(({ value: { due_ms } }) => due_ms <= nowMs)
        .map(({ value: { tenant_id, instance_id, epoch, due_ms } }) => ({
          tenantId: trustedTenantId(tenant_id),
          instanceId: asId.instance(instance_id),
          epoch,
          dueMs: due_ms,
        }));
    },
    clear: async (restart) => {
      const unit = new UnitOfWork(surface, PLATFORM, clock.now());
      if ((await unit.get(timerKind, idOf(restart))) === undefined) return;
      unit.delete(timerKind, idOf(restart));
      await store.write(PLATFORM, { ...NO_CHANGE, records: unit.records });
    },
  };
}

function idOf({ tenantId, instanceId, epoch }: DueRestart): string {
  return `${tenantId}/${instanceId}/${epoch}`;
}
