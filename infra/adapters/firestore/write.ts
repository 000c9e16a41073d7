import { randomUUID } from "node:crypto";

import { Timestamp } from "@google-cloud/firestore";

import type { TenantId } from "../../../shared/ids.ts";
import type { Change, WriteOutcome } from "../../../shared/ports/execution-store.ts";
import { ChangeSet } from "./change-set.ts";
import type { Changes, ChangesDeps } from "./changes.ts";
import { overflows } from "./mailbox.ts";
import { answer, type Decision, writeOptimistically } from "./optimistic.ts";

/** For how long a receipt is kept: longer than the client library repeats a commit. */
const KEEP_RECEIPT_MS = 24 * 3_600_000;

/**
 * Applies a change that belongs to no execution.
 *  R1  It leaves a receipt under a name of its own: when the client library repeats the commit because its answer was lost, the
 *      receipt tells that nothing was raced (O2), and that a letter which was read since is not to be sent again.
 */
export function createWrite({
  db,
  layout,
  reach,
  changes,
}: Pick<ChangesDeps, "db" | "layout" | "reach"> & { readonly changes: Changes }) {
  return (tenantId: TenantId, change: Change): Promise<WriteOutcome> => {
    const receipt = layout.receipt(tenantId, randomUUID());
    return writeOptimistically(db, reach, async (again): Promise<Decision<WriteOutcome>> => {
      if (again && (await reach.call(() => receipt.get())).exists) return answer({ outcome: "written" });
      const seen = await changes.look(tenantId, change, again);
      const conflict = changes.conflict(tenantId, change, seen);
      if (conflict !== undefined) return answer(conflict);
      const { mailboxLimit: limit } = change;
      if (limit !== undefined && seen.deliveries.some((delivery) => overflows(delivery, limit)))
        return answer({ outcome: "mailbox_full" });
      const set = new ChangeSet();
      changes.add(set, tenantId, change, seen);
      set.create(receipt, { expires_at: Timestamp.fromMillis(Date.now() + KEEP_RECEIPT_MS) });
      return {
        set,
        applied: (times) => {
          changes.applied(tenantId, change, seen, times);
          return { outcome: "written" };
        },
      };
    });
  };
}
