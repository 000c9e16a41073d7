import type { Firestore, Query } from "@google-cloud/firestore";

import { idSchemas, type TenantId } from "../../../shared/ids.ts";
import type { LogKeeping } from "../../../shared/ports/log-keeping.ts";
import { ChangeSet } from "./change-set.ts";
import type { Heads } from "./heads.ts";
import type { Layout } from "./layout.ts";
import type { Reach } from "./reach.ts";

const FORGOTTEN_AT_ONCE = 250;

/**
 * Forgets whole executions.
 *  F1  The execution's document goes last: as long as anything of it is left, forgetting it again finds the rest.
 *      Nothing is added meanwhile, for it has ended.
 */
export function createLogKeeping(db: Firestore, layout: Layout, reach: Reach, heads: Heads): LogKeeping {
  const drop = async (rows: Query): Promise<void> => {
    for (;;) {
      const { docs } = await reach.call(() => rows.limit(FORGOTTEN_AT_ONCE).get());
      if (docs.length === 0) return;
      const set = new ChangeSet();
      for (const { ref } of docs) set.remove(ref);
      await set.commit(db, reach);
    }
  };

  return {
    // Hops from tenant to tenant along the index, so the cost follows the number of tenants.
    tenants: async () => {
      const names = layout.everyExecution.orderBy("tenant_id").select("tenant_id").limit(1);
      const found: TenantId[] = [];
      for (let after = ""; ;) {
        const { docs } = await reach.call(() => names.startAfter(after).get());
        if (docs[0] === undefined) return found;
        const tenantId = idSchemas.tenant.parse(docs[0].get("tenant_id"));
        found.push(tenantId);
        after = tenantId;
      }
    },

    forget: async (tenantId, executionId) => {
      const head = await heads.read({ tenantId, executionId });
      if (head === undefined) return "forgotten";
      if (head.row.live) return "unfinished";
      const execution = layout.execution({ tenantId, executionId });
      const log = layout.log(tenantId).where("execution_id", "==", executionId).where("last", ">", 0);
      await drop(log.orderBy("last"));
      await drop(layout.steps(execution).orderBy("position"));
      await drop(execution.collection("mail"));
      const set = new ChangeSet();
      set.remove(execution);
      await set.commit(db, reach);
      heads.forget(execution);
      return "forgotten";
    },
  };
}
