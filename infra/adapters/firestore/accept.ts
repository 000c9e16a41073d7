import { type DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import { type ExecutionId, idSchemas } from "../../../shared/ids.ts";
import { sha256 } from "../../../shared/json.ts";
import type { Acceptance, AcceptOutcome, IdempotencyClaim, Mail } from "../../../shared/ports/execution-store.ts";
import { ChangeSet } from "./change-set.ts";
import type { Changes, ChangesDeps } from "./changes.ts";
import { identityRow, stateRow } from "./executions.ts";
import type { HeadRow } from "./heads.ts";
import { type Layout, shardOf } from "./layout.ts";
import { entryExists, loggedAfter } from "./log-packs.ts";
import { bytesWith, mailRow, newLetters, withLetters } from "./mailbox.ts";
import { answer, type Decision, writeOptimistically } from "./optimistic.ts";
import { addSteps } from "./steps.ts";
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
      const first: AcceptOutcome = { outcome: "accepted", epoch: 1 };
      if (again && (await wasAccepted())) return answer(first);
      const [key, demand, addWorker, seen] = await Promise.all([
        readKey(acceptance),
        records.require(tenantId, requires),
        workers.ensure(acceptance.workerId),
        changes.look(tenantId, change, again, executionId),
      ]);
      const holder = key?.exists === true ? keySchema.parse(key.data()) : undefined;
      const taken = holder !== undefined && holder.expires_ms > createdMs;
      if (holder?.execution_id === executionId && (await wasAccepted())) return answer(first);
      if (taken) {
        const outcome = holder.digest === idempotency?.digest ? "duplicate" : "idempotency_mismatch";
        return answer({ outcome, executionId: holder.execution_id });
      }
      if (demand === undefined) return answer({ outcome: "requirement_unmet" });
      const conflict = changes.conflict(tenantId, change, seen);
      if (conflict !== undefined) return answer(conflict);

      const set = new ChangeSet();
      const row = addExecution(set, layout, acceptance, { accepted, ownMail: seen.ownMail });
      changes.add(set, tenantId, change, seen);
      demand(set);
      addWorker(set);
      if (idempotency !== undefined) addKey(set, key, idempotency, executionId);
      return {
        set,
        applied: (times) => {
          const updated = times.get(document.path);
          if (updated !== undefined && row.live) heads.remember(document, { row, updated });
          changes.applied(tenantId, change, seen, times);
          return first;
        },
      };
    });
  };
}

/** Adds the execution with its steps and the letters to itself; returns what its holder remembers of it. */
function addExecution(
  set: ChangeSet,
  layout: Layout,
  acceptance: Acceptance,
  { accepted, ownMail }: { readonly accepted: string; readonly ownMail: readonly Mail[] },
): HeadRow {
  const { state, workerId } = acceptance;
  const document = layout.execution(acceptance);
  const logged = loggedAfter(0, acceptance.change.log, acceptance.executionId);
  if (logged === undefined) throw entryExists(`An entry of the log of ${acceptance.executionId}`);
  const live = !state.terminal;
  const letters = live ? ownMail : [];
  const row: HeadRow = {
    epoch: 1,
    live,
    owner: live ? workerId : null,
    unread: withLetters([], letters),
    unread_bytes: bytesWith({ unread: [], unread_bytes: 0 }, letters),
    logged,
    change: accepted,
  };
  const steps = addSteps(set, layout, document, state);
  set.create(document, { ...identityRow(acceptance), ...stateRow(state), ...row, steps, accepted, due_ms: null });
  for (const [mailId, letter] of newLetters([], letters)) set.put(layout.mail(document, mailId), mailRow(letter));
  return row;
}

/** Takes the key, as it was seen. `expires_at` is what Firestore deletes it by (time to live), `expires_ms` what we find it by. */
function addKey(
  set: ChangeSet,
  seen: DocumentSnapshot | undefined,
  { key, digest, expiresMs }: IdempotencyClaim,
  executionId: ExecutionId,
): void {
  if (seen === undefined) return;
  const row = {
    digest,
    execution_id: executionId,
    shard: shardOf(key),
    expires_ms: expiresMs,
    expires_at: Timestamp.fromMillis(expiresMs),
  };
  if (seen.updateTime === undefined) set.create(seen.ref, row);
  else set.update(seen.ref, row, seen.updateTime);
}
