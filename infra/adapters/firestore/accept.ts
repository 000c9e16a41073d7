import { type DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import { idSchemas } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";
import type { Acceptance, AcceptOutcome, IdempotencyClaim } from "../../../shared/ports/execution-store.ts";
import { ChangeSet, type Row } from "./change-set.ts";
import type { Changes, ChangesDeps } from "./changes.ts";
import { addSteps, identityRow, stateRow } from "./executions.ts";
import { shardOf } from "./layout.ts";
import { mailRow, newLetters, withLetters } from "./mailbox.ts";
import { answer, type Decision, writeOptimistically } from "./optimistic.ts";
import type { Workers } from "./workers.ts";

const keySchema = z.object({ digest: z.string(), execution_id: idSchemas.execution, expires_ms: z.number() });
const acceptedSchema = z.object({ accepted: z.string() });

export interface AcceptDeps extends ChangesDeps {
  readonly changes: Changes;
  readonly workers: Workers;
}

/**
 * Accepts an execution: its document and all that goes with it, in one commit.
 *  A1  The key's document is the lock of its idempotency key (S5); the execution's own keeps one id from being accepted twice.
 *  A2  The document of what is required is written or checked by the same commit: one that ceases to be usable fences it.
 *  A3  The same acceptance once more, as by a repeated request, is answered as the first one was.
 */
export function createAccept(deps: AcceptDeps): (acceptance: Acceptance) => Promise<AcceptOutcome> {
  const { db, layout, reach, heads, records, changes, workers } = deps;

  const readKey = async ({ tenantId, idempotency }: Acceptance): Promise<DocumentSnapshot | undefined> =>
    idempotency && (await reach.call(() => layout.idempotency(tenantId, idempotency.key).get()));

  return (acceptance) => {
    const { tenantId, executionId, idempotency, requires, change, createdMs } = acceptance;
    const document = layout.execution(acceptance);
    const accepted = sha256(JSON.stringify(acceptance));

    const wasAccepted = async (): Promise<boolean> => {
      const [snapshot] = await reach.call(() => db.getAll(document, { fieldMask: ["accepted"] }));
      if (!snapshot?.exists) return false;
      if (acceptedSchema.parse(snapshot.data()).accepted === accepted) return true;
      throw new RuntimeError("execution.exists", `There is an execution ${executionId} already.`, { status: 409 });
    };

    return writeOptimistically(db, reach, async (again): Promise<Decision<AcceptOutcome>> => {
      const [key, demand, addWorker, seen] = await Promise.all([
        readKey(acceptance),
        records.require(tenantId, requires),
        workers.ensure(acceptance.workerId),
        changes.look(tenantId, change, again, executionId),
      ]);
      const holder = key?.exists === true ? keySchema.parse(key.data()) : undefined;
      const taken = holder !== undefined && holder.expires_ms > createdMs;
      if ((again || holder?.execution_id === executionId) && (await wasAccepted())) {
        return answer({ outcome: "accepted", epoch: 1 });
      }
      if (taken) {
        const outcome = holder.digest === idempotency?.digest ? "duplicate" : "idempotency_mismatch";
        return answer({ outcome, executionId: holder.execution_id });
      }
      if (demand === undefined) return answer({ outcome: "requirement_unmet" });
      const conflict = changes.conflict(tenantId, change, seen);
      if (conflict !== undefined) return answer(conflict);

      const set = new ChangeSet();
      const row = {
        epoch: 1,
        live: !acceptance.state.terminal,
        owner: acceptance.state.terminal ? null : acceptance.workerId,
        unread: acceptance.state.terminal ? [] : withLetters([], seen.ownMail),
        change: accepted,
      };
      set.create(document, {
        ...identityRow(acceptance),
        ...stateRow(acceptance.state),
        ...row,
        accepted,
        due_ms: null,
      });
      addSteps(set, layout, acceptance, acceptance.state);
      if (row.live) {
        for (const [id, letter] of newLetters([], seen.ownMail)) set.put(layout.mail(document, id), mailRow(letter));
      }
      changes.add(set, tenantId, change, seen);
      demand(set);
      addWorker(set);
      if (key !== undefined && idempotency !== undefined) {
        const claimed = keyRow(idempotency, executionId);
        if (key.updateTime === undefined) set.create(key.ref, claimed);
        else set.update(key.ref, claimed, key.updateTime);
      }
      return {
        set,
        applied: (times) => {
          const updated = times.get(document.path);
          if (updated !== undefined && row.live) heads.remember(document, { row, updated });
          changes.applied(tenantId, change, seen, times);
          return { outcome: "accepted", epoch: 1 };
        },
      };
    });
  };
}

/** `expires_at` is what Firestore deletes the row by (time to live), `expires_ms` what we find it by. */
function keyRow({ key, digest, expiresMs }: IdempotencyClaim, executionId: string): Row {
  return {
    digest,
    execution_id: executionId,
    shard: shardOf(key),
    expires_ms: expiresMs,
    expires_at: Timestamp.fromMillis(expiresMs),
  };
}
