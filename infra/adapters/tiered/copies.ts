import type { JsonObject } from "../../../shared/json.ts";
import type {
  ExecutionPatch,
  RecordWrite,
  StoredExecution,
  StoredRecord,
  StoredStep,
} from "../../../shared/ports/execution-store.ts";
import { versionAfter } from "../../../shared/ports/record-version.ts";
import type { CopyChange } from "./hot-tier.ts";

/** How executions and records lie in the fields of their copies. */

export function executionFields({ epoch, intent, head, steps }: StoredExecution): readonly string[] {
  return ["d:e", String(epoch), "d:i", JSON.stringify(intent), ...stateFields(head, steps)];
}

export function patchFields({ head, steps }: ExecutionPatch): readonly string[] {
  return stateFields(head, steps);
}

function stateFields(head: JsonObject, steps: readonly StoredStep[]): string[] {
  return ["d:h", JSON.stringify(head), ...steps.flatMap((step) => [`d:s:${step.position}`, JSON.stringify(step.body)])];
}

export function executionOf(fields: ReadonlyMap<string, string>): StoredExecution {
  const steps: StoredStep[] = [];
  for (const [field, value] of fields) {
    if (field.startsWith("d:s:")) steps.push({ position: Number(field.slice(4)), body: objectOf(value) });
  }
  return {
    epoch: Number(fields.get("d:e")),
    intent: objectOf(fields.get("d:i")),
    head: objectOf(fields.get("d:h")),
    steps: steps.toSorted((one, other) => one.position - other.position),
  };
}

export function recordFields(record: Omit<StoredRecord, "id">): readonly string[] {
  const { version, body, usableUntilMs } = record;
  const usable = usableUntilMs === undefined ? "" : String(usableUntilMs);
  return ["d:v", String(version), "d:b", JSON.stringify(body), "d:u", usable];
}

export function recordOf(id: string, fields: ReadonlyMap<string, string>): StoredRecord {
  const usable = fields.get("d:u") ?? "";
  return {
    id,
    version: Number(fields.get("d:v")),
    body: objectOf(fields.get("d:b")),
    usableUntilMs: usable === "" ? undefined : Number(usable),
  };
}

/** What a record write that was committed makes of the record's copy. */
export function writtenRecord(write: RecordWrite): CopyChange {
  const { body, usableUntilMs } = write;
  if (body === undefined) return { mode: "drop" };
  return { mode: "put", fields: recordFields({ version: versionAfter(write), body, usableUntilMs }) };
}

function objectOf(text: string | undefined): JsonObject {
  return JSON.parse(text ?? "{}") as JsonObject;
}
