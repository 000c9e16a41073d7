import type { Firestore } from "@google-cloud/firestore";

import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { ChangeSet } from "./change-set.ts";
import { answer, type Decision, writeOptimistically } from "./optimistic.ts";
import type { Reach } from "./reach.ts";
import type { Records } from "./records.ts";

/** Prolongs a record apart from any acceptance, by the same check and the same steps. */
export function createProlong(db: Firestore, reach: Reach, records: Records): NonNullable<ExecutionStore["prolong"]> {
  return (tenantId, requirement) =>
    writeOptimistically(db, reach, async (): Promise<Decision<boolean>> => {
      const demand = await records.require(tenantId, requirement);
      if (demand === undefined) return answer(false);
      const set = new ChangeSet();
      demand(set);
      return { set, applied: () => true };
    });
}
