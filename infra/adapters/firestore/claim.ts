import { randomUUID } from "node:crypto";

import type { DocumentSnapshot } from "@google-cloud/firestore";

import type { ClaimOutcome, ClaimRequest } from "../../../shared/ports/execution-store.ts";
import { ChangeSet } from "./change-set.ts";
import type { ChangesDeps } from "./changes.ts";
import type { Executions } from "./executions.ts";
import { headOf } from "./heads.ts";
import { answer, type Decision, writeOptimistically } from "./optimistic.ts";
import type { Workers } from "./workers.ts";

export interface ClaimDeps extends Pick<ChangesDeps, "db" | "layout" | "reach" | "heads"> {
  readonly executions: Executions;
  readonly workers: Workers;
}

type Lost = Exclude<ClaimOutcome, { readonly outcome: "claimed" }>;
interface Won {
  readonly outcome: "won";
  readonly snapshot: DocumentSnapshot;
  readonly epoch: number;
}

/**
 * Takes an execution that nobody alive holds.
 *  K1  The claim changes the execution's document as it was seen: of rivals one wins, and a commit of the old holder that
 *      comes later is fenced by the same change.
 *  K2  The steps are read after the claim: from then on nobody but the claimer changes them.
 */
export function createClaim({ db, layout, reach, heads, executions, workers }: ClaimDeps) {
  return async (request: ClaimRequest): Promise<ClaimOutcome> => {
    const { workerId, nowMs, deadAfterMs, claimId = randomUUID() } = request;
    const document = layout.execution(request);
    const change = `claim:${claimId}`;
    const won = await writeOptimistically(db, reach, async (): Promise<Decision<Won | Lost>> => {
      const snapshot = await reach.call(() => document.get());
      const head = headOf(snapshot);
      if (head === undefined) return answer({ outcome: "absent" });
      if (head.row.change === change) return answer({ outcome: "won", snapshot, epoch: head.row.epoch });
      const { epoch, live, owner } = head.row;
      if (!live) return answer({ outcome: "terminal" });
      if (owner !== null && owner !== workerId && (await workers.isAlive(owner, nowMs - deadAfterMs))) {
        return answer({ outcome: "held" });
      }
      const row = { ...head.row, epoch: epoch + 1, owner: workerId, change };
      const set = new ChangeSet();
      set.update(document, { epoch: row.epoch, owner: workerId, change, due_ms: null }, head.updated);
      const beaten = workers.addBeat(set, workerId, nowMs, nowMs - deadAfterMs / 2);
      return {
        set,
        applied: (times) => {
          const updated = times.get(document.path);
          if (updated !== undefined) heads.remember(document, { row, updated });
          beaten();
          return { outcome: "won", snapshot, epoch: row.epoch };
        },
      };
    });
    if (won.outcome !== "won") return won;
    return { outcome: "claimed", epoch: won.epoch, execution: await executions.load(won.snapshot, won.epoch) };
  };
}
