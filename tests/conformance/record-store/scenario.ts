import { randomUUID } from "node:crypto";

import type { DataClassification } from "../../../shared/data-classification.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import type { RecordEffect, RecordStore, RecordView, RowWrite } from "../../../shared/ports/record-store.ts";
import type { NewRecord } from "../../../shared/ports/record-tables.ts";

export interface RecordsUnderTest {
  readonly records: RecordStore;
  /** Another client of the same rows, as another process has it. */
  rival(): RecordStore;
  close(): Promise<void>;
}

/** Tests keep apart by their tenants: the rows are shared by all of a suite. */
export type OpenRecords = () => Promise<RecordsUnderTest>;

export const NOW: number = Date.parse("2026-03-01T12:00:00.000Z");

export function newTenant(dataClassification: DataClassification = "client"): RecordView {
  return { dataClassification, tenantId: trustedTenantId(`tenant-${randomUUID()}`) };
}

export function effect(more: Partial<RecordEffect> = {}): RecordEffect {
  return { key: `execution_${randomUUID()}/store`, part: "file", atMs: NOW, result: {}, ...more };
}

export function parsedFile(more: Partial<NewRecord<"parsed_data_files">> = {}): NewRecord<"parsed_data_files"> {
  return {
    id: randomUUID(),
    file_id: "file_1",
    parsed_file_id: `parsed_${randomUUID()}`,
    format_type: "parquet",
    content_type: "structured",
    size_bytes: 5 * 2 ** 40,
    row_count: 3,
    column_count: 2,
    column_names: ["id", "naïve \" 'name'"],
    data_types: { id: "integer" },
    parsed_at: "2026-03-01T11:59:59.123Z",
    parsed_by: "content.parse_content",
    parse_options: null,
    status: "stored",
    processing_status: "parsed",
    processing_errors: null,
    metadata: { deep: [1, { a: null }, "ü"] },
    ui_name: null,
    user_id: null,
    subject_id: null,
    ...more,
  };
}

export function contract(more: Partial<NewRecord<"data_boundary_contracts">> = {}) {
  const row: NewRecord<"data_boundary_contracts"> = {
    id: `contract_${randomUUID()}`,
    status: "pending",
    source_sha256: randomUUID(),
    source_external_id: null,
    source_artifact_id: null,
    materialization_type: null,
    backing_store: null,
    scope: { session_id: "session_1" },
    expires_at: null,
    ...more,
  };
  return row;
}

export function insertFile(row: NewRecord<"parsed_data_files">): RowWrite {
  return { kind: "insert", table: "parsed_data_files", row };
}

export function insertContract(row: NewRecord<"data_boundary_contracts">): RowWrite {
  return { kind: "insert", table: "data_boundary_contracts", row };
}

export function activate(id: string, expectedVersion = 1): RowWrite {
  return { kind: "update", table: "data_boundary_contracts", id, expectedVersion, set: { status: "active" } };
}
