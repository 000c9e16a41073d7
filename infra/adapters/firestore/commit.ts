import { sha256 } from "../../../shared/json.ts";
import type { Commit, CommitOutcome, Mail } from "../../../shared/ports/execution-store.ts";
import { ChangeSet, type Row } from "./change-set.ts";
import type { Changes, ChangesDeps } from "./changes.ts";
import { stateRow } from "./executions.ts";
import type { Head, HeadRow } from "./heads.ts";
import { entryExists, loggedAfter } from "./log-packs.ts";
import { bytesWith, mailRow, newLetters, withLetters } from "./mailbox.ts";
import { answer, type Decision, writeOptimistically } from "./optimistic.ts";
import { addSteps, stepFields } from "./steps.ts";

export interface CommitDeps extends ChangesDeps {
  readonly changes: Changes;
}

/**
 * Commits to an execution, in one write and mostly without a read: the holder's process remembers the execution's document.
 *  W1  The document must be as it was seen, under this epoch and unfinished: a stale epoch, or mail sent meanwhile, fails
 *      the whole commit, which is then decided anew on what is there (S2, S10).
 *  W2  A commit leaves its digest: the same one again, as after a lost answer, is answered as the first one was.
 */
export function createCommit({
  db,
  layout,
  reach,
  heads,
  changes,
}: CommitDeps): (commit: Commit) => Promise<CommitOutcome> {
  return (commit) => {
    const { tenantId, executionId, epoch, state, change } = commit;
    const document = layout.execution(commit);
    const digest = sha256(JSON.stringify(commit));

    const decide = async (head: Head, logged: number, again: boolean): Promise<Decision<CommitOutcome>> => {
      const seen = await changes.look(tenantId, change, again, executionId);
      const conflict = changes.conflict(tenantId, change, seen);
      if (conflict !== undefined) return answer(conflict);

      const set = new ChangeSet();
      const { row, fields } = nextHead({ ...head.row, logged }, commit, seen.ownMail, digest);
      const steps = stepFields(addSteps(set, layout, document, state));
      set.update(document, { ...stateRow(state), ...fields, ...steps }, head.updated);
      changes.add(set, tenantId, change, seen);
      // Letters that were read, and all letters of an execution that ends: nothing names them any more.
      const gone = head.row.unread.filter((mailId) => !row.unread.includes(mailId));
      for (const [mailId, letter] of newLetters(head.row.unread, seen.ownMail)) {
        if (row.unread.includes(mailId)) set.put(layout.mail(document, mailId), mailRow(letter));
      }
      set.tidy(gone.map((mailId) => layout.mail(document, mailId)));
      return {
        set,
        applied: (times) => {
          const updated = times.get(document.path);
          if (updated !== undefined && row.owner !== null) heads.remember(document, { row, updated });
          else heads.forget(document);
          changes.applied(tenantId, change, seen, times);
          return outcomeOf(row);
        },
      };
    };

    return writeOptimistically(db, reach, async (again) => {
      const remembered = again ? undefined : heads.remembered(document);
      const follows = remembered && loggedAfter(remembered.row.logged, change.log, executionId);
      if (remembered?.row.epoch === epoch && remembered.row.live && follows !== undefined) {
        const decision = await decide(remembered, follows, again);
        // Without a write nothing proves that what is remembered still holds (O1).
        if (!("answer" in decision)) return decision;
      }
      heads.forget(document);
      const head = await heads.read(commit);
      if (head === undefined || head.row.epoch !== epoch) return answer({ outcome: "fenced" });
      if (head.row.change === digest) return answer(outcomeOf(head.row));
      if (!head.row.live) return answer({ outcome: "fenced" });
      const logged = loggedAfter(head.row.logged, change.log, executionId);
      if (logged === undefined) throw entryExists(`An entry of the log of ${executionId}`);
      return decide(head, logged, again);
    });
  };
}

/** The document after the commit: as the holder knows it, and the fields that change. */
function nextHead(
  before: HeadRow,
  commit: Commit,
  ownMail: readonly Mail[],
  change: string,
): { readonly row: HeadRow; readonly fields: Row } {
  const { state, release, readMail } = commit;
  const left = before.unread.filter((mailId) => !readMail.includes(mailId));
  const unread = state.terminal ? [] : withLetters(left, ownMail);
  const kept = release === undefined || (unread.length > 0 && release.evenWithMail !== true);
  const letsGo = state.terminal || !kept;
  const unread_bytes =
    unread.length === 0 ? 0 : bytesWith({ unread: left, unread_bytes: before.unread_bytes }, ownMail);
  const owner = letsGo ? null : before.owner;
  const row: HeadRow = { ...before, live: !state.terminal, owner, unread, unread_bytes, change };
  const bytes = unread_bytes === before.unread_bytes ? {} : { unread_bytes };
  const dueMs = state.terminal ? null : (release?.wakeAtMs ?? null);
  return {
    row,
    fields: { unread, ...bytes, change, logged: row.logged, ...(letsGo ? { owner: null, due_ms: dueMs } : {}) },
  };
}

function outcomeOf({ live, owner, unread }: HeadRow): CommitOutcome {
  return { outcome: "committed", held: live && owner !== null, mail: unread.length > 0 };
}
