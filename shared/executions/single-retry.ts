import * as z from "zod";

import { notFound, RuntimeError } from "../errors.ts";
import { type ExecutionId, idSchemas, type TenantId } from "../ids.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { RecordKind } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import type { ExecutionStatus } from "./execution.ts";
import { loadExecution } from "./stored-execution.ts";
import type { Reservation } from "./submission.ts";

const retrySchema = z.object({ execution_id: idSchemas.execution });

/** By which execution another one was repeated last, under the id of that other one. */
const retryKind: RecordKind<z.infer<typeof retrySchema>> = {
  name: "execution_retry",
  schema: retrySchema,
  facets: () => [],
};

/** Ends after which the work is still not done. */
const UNDONE: ReadonlySet<ExecutionStatus> = new Set(["failed", "compensated", "cancelled"]);

/**
 * Of all who retry an execution one repeats it: the others hear by which execution it is repeated.
 *  R1  The retry is on record by the commit that accepts the repeating execution, on condition that the record is as it was seen.
 *  R2  An execution is repeated again only when what repeated it has ended without success, or is gone.
 */
export function singleRetry(
  { store, surface }: { readonly store: ExecutionStore; readonly surface: StateSurface },
  tenantId: TenantId,
  retried: ExecutionId,
): Reservation {
  const statusOf = async (executionId: ExecutionId): Promise<ExecutionStatus | undefined> => {
    const stored = await store.readExecution(tenantId, executionId);
    return stored === undefined ? undefined : loadExecution(stored).state.status;
  };

  return {
    kind: retryKind.name,
    take: async (unit, executionId) => {
      const last = await unit.get(retryKind, retried);
      const status = last === undefined ? undefined : await statusOf(last.execution_id);
      const repeatable = status === undefined || UNDONE.has(status);
      // What cannot be committed, so that only a repeat of the same request is answered.
      if (!repeatable) unit.create(retryKind, retried, { execution_id: executionId });
      else unit.put(retryKind, retried, { execution_id: executionId });
    },
    taken,
  };

  async function taken(): Promise<RuntimeError> {
    const by = (await surface.get(tenantId, retryKind, retried))?.value.execution_id;
    if (by === undefined) return notFound("execution", retried);
    const status = (await statusOf(by)) ?? "gone";
    const message = `The execution ${retried} was retried already, by ${by}, which is ${status}.`;
    return new RuntimeError("execution.retried", message, { status: 409, details: { retried_by: by, status } });
  }
}
