import { artifactKind } from "../../shared/artifacts/artifact.ts";
import { rfc3339 } from "../../shared/clock.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { asId, type Ids } from "../../shared/ids.ts";
import { digestOf, type JsonObject, type JsonValue, toJson } from "../../shared/json.ts";
import type { Operation } from "../../shared/state/operation.ts";
import type { UnitOfWork } from "../../shared/state/unit-of-work.ts";
import type { FileToIngest } from "./file-to-ingest.ts";

/** The files of one commit; the ids are chosen before anything is written, so that a repeat writes to the same places. */
export type Batch = {
  readonly number: number;
  readonly files: readonly { readonly index: number; readonly file_id: string }[];
};

export type FileResult = {
  readonly file_id: string;
  readonly ok: boolean;
  readonly boundary_contract_id?: string;
  readonly sha256?: string;
  readonly size_bytes?: number;
  readonly code?: string;
  readonly message?: string;
};

/** The same for the same files in the same order: who asks again finds what was begun. */
export function operationIdOf(files: readonly FileToIngest[]): string {
  return `operation_${digestOf(toJson(files)).slice(0, 32)}`;
}

export function newOperation(id: string, total: number, batchSize: number, nowMs: number): Operation {
  return {
    operation_id: id,
    operation_type: "content.bulk_ingest_files",
    execution_id: "",
    status: "running",
    total,
    processed: 0,
    succeeded: 0,
    failed: 0,
    current_batch: 0,
    last_successful_batch: 0,
    batch_count: Math.ceil(total / batchSize),
    errors: [],
    results: Array.from({ length: total }, () => null),
    created_at: rfc3339(nowMs),
    updated_at: rfc3339(nowMs),
  };
}

/** The batches that are still to be done, from one on; files that were taken in and are still there are left out. */
export async function batchesLeft(
  unit: UnitOfWork,
  operation: Operation,
  { batchSize, from, ids }: { readonly batchSize: number; readonly from: number; readonly ids: Ids },
): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  for (let number = from; (number - 1) * batchSize < operation.total; number += 1) {
    const files: Batch["files"][number][] = [];
    const end = Math.min(number * batchSize, operation.total);
    for (let index = (number - 1) * batchSize; index < end; index += 1) {
      if (!(await isThere(unit, operation.results[index] ?? null))) files.push({ index, file_id: ids.file() });
    }
    if (files.length > 0) batches.push({ number, files });
  }
  return batches;
}

/** An execution that was cancelled leaves what it had taken in as FAILED. */
async function isThere(unit: UnitOfWork, result: JsonObject | null): Promise<boolean> {
  if (result?.["ok"] !== true || typeof result["file_id"] !== "string") return false;
  const artifact = await unit.get(artifactKind, asId.artifact(result["file_id"]));
  return artifact !== undefined && artifact.lifecycle_state !== "FAILED";
}

/** The operation after one more batch. Throws `operation.taken_over` (409) when another execution has gone on with it since. */
export function withBatch(
  operation: Operation,
  {
    executionId,
    batch,
    results,
  }: { readonly executionId: string; readonly batch: Batch; readonly results: readonly FileResult[] },
  nowMs: number,
): Operation {
  expectOwn(operation, executionId);
  const all = [...operation.results];
  for (const [place, { index }] of batch.files.entries()) all[index] = results[place] ?? null;
  const failedHere = results.some(({ ok }) => !ok);
  return counted({
    ...operation,
    current_batch: batch.number,
    last_successful_batch: failedHere
      ? operation.last_successful_batch
      : Math.max(operation.last_successful_batch, batch.number),
    results: all,
    updated_at: rfc3339(nowMs),
  });
}

export function expectOwn(operation: Operation | undefined, executionId: string): void {
  if (operation?.execution_id === executionId) return;
  throw new RuntimeError("operation.taken_over", "Another execution has gone on with this operation.", { status: 409 });
}

function counted(operation: Operation): Operation {
  const done = operation.results.flatMap((result, index) => (result === null ? [] : [{ result, index }]));
  const failed = done.filter(({ result }) => result["ok"] !== true);
  return {
    ...operation,
    processed: done.length,
    succeeded: done.length - failed.length,
    failed: failed.length,
    errors: failed.map(({ result, index }) => ({
      index,
      code: textOf(result["code"]),
      message: textOf(result["message"]),
    })),
  };
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}
