import type { ExecutionId, TenantId } from "../../shared/ids.ts";
import type { JsonObject } from "../../shared/json.ts";
import type {
  ExecutionRef,
  Mail,
  OutboxMessage,
  RecordWrite,
  StoredExecution,
  StoredRecord,
} from "../../shared/ports/execution-store.ts";
import { versionAfter } from "../../shared/ports/record-version.ts";

export interface ExecutionRow {
  readonly tenantId: TenantId;
  readonly executionId: ExecutionId;
  readonly sessionId: string;
  readonly intentType: string;
  readonly intent: string;
  epoch: number;
  /** Empty when it was let go. */
  owner: string;
  wakeMs: number | undefined;
  status: string;
  terminal: boolean;
  head: string;
  readonly steps: string[];
  mail: Mail[];
}

export interface RecordRow {
  readonly tenantId: TenantId;
  readonly kind: string;
  readonly id: string;
  readonly version: number;
  readonly sortMs: number;
  readonly facets: readonly string[];
  readonly usableUntilMs: number | undefined;
  readonly body: string;
}

export interface OutboxRow {
  readonly message: OutboxMessage;
  publishedMs: number | undefined;
}

export function executionKey(tenantId: TenantId, executionId: ExecutionId): string {
  return `${tenantId}/${executionId}`;
}

export function loadRow(row: ExecutionRow): StoredExecution {
  return {
    epoch: row.epoch,
    intent: JSON.parse(row.intent) as JsonObject,
    head: JSON.parse(row.head) as JsonObject,
    // A weakened store may have gaps, which flatMap passes over.
    steps: row.steps.flatMap((body, position) => [{ position, body: JSON.parse(body) as JsonObject }]),
  };
}

export function storedRecord(row: RecordRow): StoredRecord {
  const body = JSON.parse(row.body) as JsonObject;
  return { id: row.id, version: row.version, body, usableUntilMs: row.usableUntilMs };
}

export function recordRow(
  tenantId: TenantId,
  write: RecordWrite,
  body: JsonObject,
  old: RecordRow | undefined,
): RecordRow {
  const { kind, id, facets, sortMs, usableUntilMs } = write;
  const version = versionAfter(write);
  return {
    tenantId,
    kind,
    id,
    version,
    facets,
    usableUntilMs,
    sortMs: old?.sortMs ?? sortMs,
    body: JSON.stringify(body),
  };
}

export function recordKey(tenantId: TenantId, kind: string, id: string): string {
  return `${tenantId}/${kind}/${id}`;
}

export function refOf({ tenantId, executionId }: ExecutionRow): ExecutionRef {
  return { tenantId, executionId };
}
