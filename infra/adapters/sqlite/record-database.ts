import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { type ColumnType, RECORD_TABLES } from "../../../shared/ports/record-tables.ts";

/** What may be there once: the same partial indexes as in infra/schema/postgres. */
const INDEXES = `
CREATE UNIQUE INDEX IF NOT EXISTS file_references_by_file ON file_references (tenant_id, data_classification, file_id);
CREATE UNIQUE INDEX IF NOT EXISTS parsed_data_files_by_parsed ON parsed_data_files (tenant_id, data_classification, parsed_file_id);
CREATE INDEX IF NOT EXISTS parsed_data_files_by_file ON parsed_data_files (tenant_id, data_classification, file_id);
CREATE UNIQUE INDEX IF NOT EXISTS contracts_open_by_source ON data_boundary_contracts
  (tenant_id, data_classification, coalesce(source_sha256, ''), coalesce(source_external_id, ''),
   coalesce(scope ->> 'user_id', ''), coalesce(scope ->> 'solution_id', '')) WHERE status = 'active';
CREATE INDEX IF NOT EXISTS contracts_by_status ON data_boundary_contracts (tenant_id, data_classification, status, expires_at);
CREATE INDEX IF NOT EXISTS records_of_fact_by_contract ON records_of_fact (tenant_id, data_classification, contract_id);
CREATE UNIQUE INDEX IF NOT EXISTS materialization_policies_by_type ON materialization_policies
  (tenant_id, data_classification, solution_id, artifact_type);
`;

const EFFECTS = `
CREATE TABLE IF NOT EXISTS record_effects (
  tenant_id TEXT NOT NULL,
  data_classification TEXT NOT NULL,
  effect_key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'undone')),
  parts TEXT NOT NULL,
  updated_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, data_classification, effect_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_effects_undone ON record_effects (tenant_id, data_classification, updated_ms)
  WHERE state = 'undone';
CREATE TABLE IF NOT EXISTS subject_keys (
  tenant_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  wrapped_key TEXT,
  created_ms INTEGER NOT NULL,
  erased_ms INTEGER,
  PRIMARY KEY (tenant_id, subject_id),
  CHECK ((wrapped_key IS NULL) = (erased_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;
`;

const CHECKS: Readonly<Record<string, string>> = {
  data_classification: "CHECK (data_classification IN ('platform', 'client'))",
  format_type: "CHECK (format_type IN ('parquet', 'json_structured', 'json_chunks'))",
  decision: "CHECK (decision IN ('PERSIST', 'CACHE', 'DISCARD'))",
};
/** `content_type` and `status` say different things in different tables. */
const CHECKS_OF: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  parsed_data_files: { content_type: "CHECK (content_type IN ('structured', 'unstructured', 'hybrid'))" },
  data_boundary_contracts: {
    status: "CHECK (status IN ('pending', 'active', 'fulfilled', 'expired', 'revoked'))",
    materialization_type:
      "CHECK (materialization_type IN ('reference', 'partial_extraction', 'deterministic', 'semantic_embedding', 'full_artifact'))",
    backing_store: "CHECK (backing_store IN ('gcs', 'postgres', 'none'))",
  },
};

/** Opens the file of the steward's rows, or a private one for `:memory:`, and creates its tables. What is deleted is overwritten. */
export function openRecordDatabase(path: string): DatabaseSync {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
  const db = new DatabaseSync(path);
  db.exec(
    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
  );
  db.exec(`BEGIN IMMEDIATE; ${Object.entries(RECORD_TABLES).map(tableOf).join("\n")} ${INDEXES} ${EFFECTS} COMMIT;`);
  return db;
}

function tableOf([table, columns]: [string, Readonly<Record<string, ColumnType>>]): string {
  const lines = Object.entries(columns).map(([name, type]) => {
    const sqlType = type.startsWith("integer") ? "INTEGER" : "TEXT";
    const check = CHECKS_OF[table]?.[name] ?? CHECKS[name] ?? "";
    return `${name} ${sqlType}${type.endsWith("?") ? "" : " NOT NULL"} ${check}`;
  });
  return `CREATE TABLE IF NOT EXISTS ${table} (${lines.join(", ")}, PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ${table}_newest ON ${table} (tenant_id, data_classification, created_at, id);
CREATE INDEX IF NOT EXISTS ${table}_by_class ON ${table} (data_classification, created_at, id);`;
}
