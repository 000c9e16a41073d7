import { type DocumentReference, FieldPath, type Firestore, type Query } from "@google-cloud/firestore";
import * as z from "zod";

import { idSchemas, type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import type { LogKeeping } from "../../../shared/ports/log-keeping.ts";
import { ChangeSet } from "./change-set.ts";
import type { Heads } from "./heads.ts";
import { BEHIND_EVERY_NAME, type Layout, textOfName } from "./layout.ts";
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

  /** Whose log an entry lies in. */
  const tenantOf = async (entry: DocumentReference): Promise<TenantId> => {
    const known = textOfName(entry.parent.parent?.id ?? "");
    if (known !== undefined) return trustedTenantId(known);
    // The name is a digest: what was written tells.
    const [text] = z.tuple([z.string()], z.string()).parse((await reach.call(() => entry.get())).get("texts"));
    return z.object({ tenant_id: idSchemas.tenant }).parse(JSON.parse(text)).tenant_id;
  };

  return {
    // Hops from tenant to tenant along the names of their entries, so the cost follows the number of tenants.
    tenants: async () => {
      const entries = layout.everyLog.orderBy(FieldPath.documentId()).limit(1);
      const found: TenantId[] = [];
      for (let next: Query = entries.select(); ;) {
        const { docs } = await reach.call(() => next.get());
        if (docs[0] === undefined) return found;
        found.push(await tenantOf(docs[0].ref));
        next = entries.select().startAfter(docs[0].ref.parent.doc(BEHIND_EVERY_NAME));
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
