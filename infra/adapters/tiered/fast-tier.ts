import { RuntimeError } from "../../../shared/errors.ts";
import type { WorkerId } from "../../../shared/ids.ts";
import { errorFields, type Logger } from "../../../shared/logger.ts";
import type {
  Acceptance,
  AcceptOutcome,
  Commit,
  CommitOutcome,
  ExecutionStore,
} from "../../../shared/ports/execution-store.ts";
import type { Homes } from "./homes.ts";
import { PROLONG_STEP_MS } from "./lua-prelude.ts";
import { type MessageOf, openingOf } from "./notices.ts";
import { openDoor } from "./open-door.ts";
import type { StrictTier } from "./strict-tier.ts";

/**
 * Executions that Redis alone accepts and commits, in one round trip.
 *  F1  Each commit carries the notice that has it archived, in the same script: what Redis has, the archive will get.
 *  F2  One commit cannot span two stores, so a fast execution changes no records: such a commit is refused whole (S1).
 *  F3  Its session is looked up in the hot copies, and prolonged in the cold store when it has gained a minute.
 */
export interface FastTier {
  accept(acceptance: Acceptance): Promise<AcceptOutcome>;
  /** Throws `durability.fast_changes_records`. */
  commit(commit: Commit): Promise<CommitOutcome>;
}

export interface FastTierDeps {
  readonly fast: ExecutionStore;
  readonly strict: StrictTier;
  readonly homes: Homes;
  readonly messageOf: MessageOf;
  readonly logger: Logger;
}

export function createFastTier({ fast, strict, homes, messageOf, logger }: FastTierDeps): FastTier {
  const beating = new Set<WorkerId>();

  /** Whether the session is alive; the cold store decides wherever the copy is not clearly enough. */
  const isMet = async ({ tenantId, requires }: Acceptance): Promise<boolean> => {
    const found = await strict.readRecord(tenantId, requires.kind, requires.id);
    if (found === undefined) return false;
    const { usableUntilMs = Number.POSITIVE_INFINITY } = found;
    const isUsable = usableUntilMs > requires.atMs;
    if (isUsable && requires.prolongToMs - usableUntilMs < PROLONG_STEP_MS) return true;
    try {
      return await strict.prolong(tenantId, requires);
    } catch (error) {
      if (!isUsable) throw error;
      logger.warn("a session could not be prolonged; the next intent tries again", errorFields(error));
      return true;
    }
  };

  return {
    accept: async (acceptance) => {
      const { tenantId, executionId, workerId, state, change } = acceptance;
      if (!(await isMet(acceptance))) return { outcome: "requirement_unmet" };
      // From now on this worker's beats go to both tiers.
      if (!beating.has(workerId)) {
        await fast.beat(workerId, acceptance.createdMs);
        beating.add(workerId);
      }
      const { status, terminal } = state;
      const notice = messageOf(tenantId, {
        kind: "archive",
        tenant_id: tenantId,
        execution_id: executionId,
        status,
        terminal,
        opening: openingOf(acceptance),
      });
      const outcome = await openDoor(fast, tenantId, (requires) =>
        fast.accept({ ...acceptance, requires, change: { ...change, outbox: [...change.outbox, notice] } }),
      );
      if (outcome.outcome === "accepted") homes.learn(executionId, "fast");
      return outcome;
    },

    commit: async (commit) => {
      const { tenantId, executionId, state, change } = commit;
      if (change.records.length > 0) throw changesRecords(executionId);
      const { status, terminal } = state;
      const ref = { tenant_id: tenantId, execution_id: executionId };
      const notice = messageOf(tenantId, { kind: "archive", ...ref, status, terminal });
      const outcome = await fast.commit({ ...commit, change: { ...change, outbox: [...change.outbox, notice] } });
      if (outcome.outcome === "fenced") homes.forget(executionId);
      return outcome;
    },
  };
}

function changesRecords(executionId: string): RuntimeError {
  return new RuntimeError(
    "durability.fast_changes_records",
    "A fast execution cannot change records: they rest in another store. Declare its intent strict.",
    { details: { execution_id: executionId } },
  );
}
