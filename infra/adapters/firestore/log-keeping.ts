import type { Firestore, Query } from "@google-cloud/firestore";

import { trustedTenantId } from "../../../shared/ids.ts";
import type { LogKeeping } from "../../../shared/ports/log-keeping.ts";
import { ChangeSet } from "./change-set.ts";
import type { Layout } from "./layout.ts";
import type { Reach } from "./reach.ts";

const FORGOTTEN_AT_ONCE = 250;

/** Forgets whole executions, in as many commits as they take: the execution's own document goes last. */
export function createLogKeeping(db: Firestore, layout: Layout, reach: Reach): LogKeeping {
  const removeAll = async (rows: Query): Promise<void> => {
    for (;;) {
      const { docs } = await reach.call(() => rows.limit(FORGOTTEN_AT_ONCE).get());
      if (docs.length === 0) return;
      const set = new ChangeSet();
      for (const { ref, updateTime } of docs) set.remove(ref, updateTime);
      await set.commit(db, reach);
    }
  };

  return {
    tenants: async () => {
      // The documents of tenants hold nothing and need not exist; one whose name is too long is found by no name (documentName).
      const all = await reach.call(() => db.collection("tenants").listDocuments());
      return all.flatMap(({ id }) => (id.startsWith("#") ? [] : [trustedTenantId(decodeURIComponent(id))]));
    },

    forget: async (tenantId, executionId) => {
      const execution = layout.execution({ tenantId, executionId });
      const snapshot = await reach.call(() => execution.get());
      if (!snapshot.exists || snapshot.updateTime === undefined) return "forgotten";
      if (snapshot.get("live") !== false) return "unfinished";
      await removeAll(layout.log(tenantId).where("execution_id", "==", executionId.toWellFormed()));
      await removeAll(layout.steps(execution));
      await removeAll(execution.collection("mail"));
      const set = new ChangeSet();
      set.remove(execution, snapshot.updateTime);
      await set.commit(db, reach);
      return "forgotten";
    },
  };
}
