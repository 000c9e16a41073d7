import type { ExecutionId } from "../../../shared/ids.ts";
import type {
  Durability,
  ExecutionRef,
  ExecutionStore,
  StoredExecution,
} from "../../../shared/ports/execution-store.ts";

const REMEMBERED = 50_000;

/** An archived copy carries this in its head until somebody goes on from it; nothing of the runtime reads it. */
const ARCHIVED = "$archived_from_fast";

export function archivedHead(head: StoredExecution["head"]): StoredExecution["head"] {
  return { ...head, [ARCHIVED]: true };
}

export function isArchived({ head }: Pick<StoredExecution, "head">): boolean {
  return head[ARCHIVED] === true;
}

export function withoutMark(execution: StoredExecution): StoredExecution {
  if (!isArchived(execution)) return execution;
  const { [ARCHIVED]: _, ...head } = execution.head;
  return { ...execution, head };
}

/**
 * Which tier an execution lives in: the one that accepted it, until the fast tier was wiped and the cold one goes on from the archive.
 * A strict execution never becomes fast, so that much may be remembered.
 */
export interface Homes {
  known(executionId: ExecutionId): Durability | undefined;
  learn(executionId: ExecutionId, home: Durability): void;
  /** What the fast tier once had and has no more. */
  forget(executionId: ExecutionId): void;
  /** `strict` also for one that is nowhere. Rejects when only the tier that cannot be reached could tell. */
  of(ref: ExecutionRef): Promise<Durability>;
}

export function createHomes(fast: ExecutionStore, cold: ExecutionStore): Homes {
  const homes = new Map<ExecutionId, Durability>();
  const learn: Homes["learn"] = (executionId, home) => {
    homes.delete(executionId);
    homes.set(executionId, home);
    if (homes.size <= REMEMBERED) return;
    const [oldest] = homes.keys();
    if (oldest !== undefined) homes.delete(oldest);
  };
  return {
    known: (executionId) => homes.get(executionId),
    learn,
    forget: (executionId) => void homes.delete(executionId),
    of: async ({ tenantId, executionId }) => {
      const known = homes.get(executionId);
      if (known !== undefined) return known;
      try {
        const isFast = (await fast.readExecution(tenantId, executionId)) !== undefined;
        if (isFast) learn(executionId, "fast");
        return isFast ? "fast" : "strict";
      } catch (error) {
        const found = await cold.readExecution(tenantId, executionId);
        if (found === undefined || isArchived(found)) throw error;
        learn(executionId, "strict");
        return "strict";
      }
    },
  };
}
