import type { DataClassification } from "../data-classification.ts";
import type { JsonValue } from "../json.ts";

/** What a column holds; `?` says that it may be null. Times are RFC 3339 with milliseconds. */
export type ColumnType = `${"text" | "integer" | "json" | "time"}${"" | "?"}`;

/** What every row of every table has. `version` counts its writes from 1: what a compare-and-set compares. */
const OF_EVERY_ROW = {
  id: "text",
  tenant_id: "text",
  data_classification: "text",
  version: "integer",
  created_at: "time",
  updated_at: "time",
} as const satisfies Readonly<Record<string, ColumnType>>;

/**
 * The tables of the record store, for both of its adapters. Checks, indexes and row-level security are in
 * infra/schema/postgres; a test holds the columns there to these.
 */
export const RECORD_TABLES = {
  /** What a file is and where its bytes are (SPEC: file reference). */
  file_references: {
    ...OF_EVERY_ROW,
    file_id: "text",
    storage_location: "text",
    filename: "text?",
    ui_name: "text?",
    file_type: "text?",
    content_type: "text?",
    size_bytes: "integer",
    sha256: "text",
    subject_id: "text?",
    metadata: "json",
  },
  parsed_data_files: {
    ...OF_EVERY_ROW,
    file_id: "text",
    parsed_file_id: "text",
    format_type: "text",
    content_type: "text",
    size_bytes: "integer",
    row_count: "integer?",
    column_count: "integer?",
    column_names: "json?",
    data_types: "json?",
    parsed_at: "time",
    parsed_by: "text",
    parse_options: "json?",
    status: "text",
    processing_status: "text",
    processing_errors: "json?",
    metadata: "json",
    ui_name: "text?",
    user_id: "text?",
    subject_id: "text?",
  },
  data_boundary_contracts: {
    ...OF_EVERY_ROW,
    status: "text",
    source_sha256: "text?",
    source_external_id: "text?",
    source_artifact_id: "text?",
    materialization_type: "text?",
    backing_store: "text?",
    scope: "json",
    expires_at: "time?",
  },
  records_of_fact: {
    ...OF_EVERY_ROW,
    contract_id: "text",
    source_sha256: "text?",
    source_external_id: "text?",
    fact_type: "text",
    fact: "json",
    promoted_by: "text?",
    promoted_at: "time",
  },
  materialization_policies: {
    ...OF_EVERY_ROW,
    solution_id: "text",
    artifact_type: "text",
    decision: "text",
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, ColumnType>>>>;

export type RecordTable = keyof typeof RECORD_TABLES;

type Cell<Type extends ColumnType> = Type extends `${infer Base}?` ? Filled<Base> | null : Filled<Type>;
type Filled<Base> = Base extends "integer" ? number : Base extends "json" ? JsonValue : string;

/** A row as it is read. */
export type RecordRow<Table extends RecordTable> = {
  readonly [Column in keyof (typeof RECORD_TABLES)[Table]]: Column extends "data_classification"
    ? DataClassification
    : (typeof RECORD_TABLES)[Table][Column] extends infer Type extends ColumnType
      ? Cell<Type>
      : never;
};

/** What the store sets by itself: whose the row is, its version and its times. */
type SetByStore = "tenant_id" | "data_classification" | "version" | "created_at" | "updated_at";

/** A row as it is inserted. */
export type NewRecord<Table extends RecordTable> = Omit<RecordRow<Table>, SetByStore>;
/** What an update may set. */
export type RecordChange<Table extends RecordTable> = Partial<Omit<RecordRow<Table>, SetByStore | "id">>;
