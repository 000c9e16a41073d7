import type { Clock } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import type { WorkerId } from "../../../shared/ids.ts";
import {
  type ExecutionRef,
  type ExecutionStore,
  NO_CHANGE,
  type StoredExecution,
} from "../../../shared/ports/execution-store.ts";
import { chainEnd, missingParts, type Part } from "./archive-parts.ts";
import { type Homes, isArchived } from "./homes.ts";
import { type ArchiveNotice, refOf } from "./notices.ts";
import { openDoor } from "./open-door.ts";
import type { StrictTier } from "./strict-tier.ts";

/** How long an archived execution waits for the fast tier before it is due in the cold one. */
const SWITCH_MS = 300_000;

/**
 * Copies fast executions to the cold store.
 *  A1  The copy's state is what its log folds to: entries are copied up to where the copied state ends, never beyond.
 *  A2  Entries are copied only when they continue the chain that the copy has; of two archivists at once the store refuses one (S9).
 *  A3  A copy is nobody's, and due only once the fast tier has been silent about it: whoever finds it due looks there first.
 *  A4  What has ended and is archived whole, the fast tier forgets: its memory grows with what is going on, not with history.
 */
export interface Archivist {
  archive(notice: ArchiveNotice): Promise<void>;
  /** Puts off when the copy of an execution that the fast tier still has is due. */
  putOff(ref: ExecutionRef): Promise<void>;
}

export interface ArchivistDeps {
  readonly fast: ExecutionStore;
  readonly cold: ExecutionStore;
  /** Writes to the cold store, copies and the tail included. */
  readonly strict: StrictTier;
  readonly homes: Homes;
  readonly clock: Clock;
  /** Whose name claims carry that only raise the copy's epoch to that of the execution. */
  readonly workerId: WorkerId;
}

export function createArchivist({ fast, cold, strict, homes, clock, workerId }: ArchivistDeps): Archivist {
  const release = () => ({ wakeAtMs: clock.now() + SWITCH_MS, evenWithMail: true });

  const open = async (
    ref: ExecutionRef,
    notice: ArchiveNotice,
    intent: StoredExecution["intent"],
    part: Part,
    ended: boolean,
  ) => {
    const { opening } = notice;
    if (opening === undefined) throw new RuntimeError("archive.no_opening", "What was archived never began.");
    const { outcome } = await openDoor(cold, ref.tenantId, (requires) =>
      strict.accept({
        ...ref,
        sessionId: opening.session_id,
        intentType: opening.intent_type,
        createdMs: opening.created_ms,
        workerId,
        intent,
        state: { ...part.state, status: notice.status, terminal: ended },
        requires,
        change: { ...NO_CHANGE, log: part.rows },
      }),
    );
    if (outcome !== "accepted") throw refused(outcome);
  };

  /** Claims the copy until its epoch is the execution's: whoever goes on from it then fences all who came before. */
  const raise = async (ref: ExecutionRef, from: number, to: number): Promise<number> => {
    let epoch = from;
    while (epoch < to) {
      const claimed = await strict.claim({ ...ref, workerId, nowMs: clock.now(), deadAfterMs: 0 });
      if (claimed.outcome !== "claimed") throw refused(claimed.outcome);
      epoch = claimed.epoch;
    }
    return epoch;
  };

  const commit = async (
    ref: ExecutionRef,
    epoch: number,
    part: Part,
    status: string,
    terminal: boolean,
  ): Promise<void> => {
    const { outcome } = await strict.commit({
      ...ref,
      epoch,
      state: { ...part.state, status, terminal },
      change: { ...NO_CHANGE, log: part.rows },
      readMail: [],
      release: release(),
    });
    if (outcome !== "committed") throw refused(outcome);
  };

  /** Ends a copy that an earlier notice brought to its last entry, when only the state knew that it was the last. */
  const end = async (ref: ExecutionRef, copy: StoredExecution, status: string): Promise<void> => {
    const claimed = await strict.claim({ ...ref, workerId, nowMs: clock.now(), deadAfterMs: 0 });
    if (claimed.outcome === "terminal") return;
    if (claimed.outcome !== "claimed") throw refused(claimed.outcome);
    await commit(ref, claimed.epoch, { rows: [], state: { head: copy.head, steps: [] } }, status, true);
  };

  /** Brings the copy up to date; answers whether all that the fast tier has of the execution is in it. */
  const bringUp = async (notice: ArchiveNotice): Promise<boolean> => {
    const ref = refOf(notice);
    const stored = await fast.readExecution(ref.tenantId, ref.executionId);
    // Gone, or on its way: forgetting may have been cut short.
    if (stored === undefined) return true;
    const copy = await cold.readExecution(ref.tenantId, ref.executionId);
    if (copy !== undefined && !isArchived(copy)) return false;
    if (copy !== undefined && chainEnd(copy).sequence >= chainEnd(stored).sequence) {
      if (notice.terminal) await end(ref, copy, notice.status);
      return true;
    }
    let parts = await missingParts(fast, ref, stored, copy);
    const [first] = parts;
    if (copy === undefined && first !== undefined) {
      const isAll = notice.terminal && parts.length === 1 && stored.epoch === 1;
      await open(ref, notice, stored.intent, first, isAll);
      if (isAll) return true;
      parts = parts.length > 1 ? parts.slice(1) : [{ rows: [], state: { ...first.state, steps: [] } }];
    }
    const epoch = await raise(ref, copy?.epoch ?? 1, stored.epoch);
    for (const [n, part] of parts.entries()) {
      await commit(ref, epoch, part, notice.status, notice.terminal && n === parts.length - 1);
    }
    return true;
  };

  return {
    archive: async (notice) => {
      const { tenantId, executionId } = refOf(notice);
      if (!(await bringUp(notice)) || !notice.terminal) return;
      await fast.keeping?.forget(tenantId, executionId);
      homes.forget(executionId);
    },

    putOff: async (ref) => {
      const copy = await cold.readExecution(ref.tenantId, ref.executionId);
      const status = copy?.head["status"];
      if (copy === undefined || !isArchived(copy) || typeof status !== "string") return;
      await commit(ref, copy.epoch, { rows: [], state: { head: copy.head, steps: [] } }, status, false);
    },
  };
}

function refused(outcome: string): RuntimeError {
  return new RuntimeError("archive.refused", `The cold store answers ${outcome}; the archive tries again.`);
}
