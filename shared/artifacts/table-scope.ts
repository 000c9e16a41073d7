import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { QueryAnswer, StoredTable, TableEngine } from "../ports/table-engine.ts";
import type { Artifact } from "./artifact.ts";

/** Parsed data of the tenant as tables, as one step sees it. */
export interface TableScope {
  /**
   * Answers one SELECT over parsed data, by the names that the SQL calls it. It may take what the step has left, and no more than
   * 20 seconds. Throws what `TableEngine.query` does, and `artifact.not_ready` (409).
   */
  query(
    sql: string,
    tables: Readonly<Record<string, Artifact>>,
    limits: { readonly maxRows: number; readonly maxBytes: number },
  ): Promise<QueryAnswer>;
  /** Streams the rows of parsed data in order. */
  rows(parsed: Artifact): AsyncIterable<JsonObject>;
}

/** A query that takes longer is one for a warehouse. */
const MAX_QUERY_MS = 20_000;

export interface TableScopeDeps {
  readonly tables: TableEngine;
  readonly tenantId: TenantId;
  readonly signal: AbortSignal;
  readonly deadlineMs: () => number;
}

export function createTableScope({ tables, tenantId, signal, deadlineMs }: TableScopeDeps): TableScope {
  return {
    query: (sql, artifacts, limits) => {
      const named = Object.entries(artifacts).map(([name, artifact]) => [name, tableOf(artifact, tenantId)] as const);
      const timeoutMs = Math.max(1, Math.min(MAX_QUERY_MS, deadlineMs()));
      return tables.query({ tenantId, sql, tables: Object.fromEntries(named), ...limits, timeoutMs, signal });
    },
    rows: (parsed) => tables.rows(tableOf(parsed, tenantId)),
  };
}

function tableOf(
  { artifact_id, tenant_id, lifecycle_state, materializations }: Artifact,
  tenantId: TenantId,
): StoredTable {
  for (const { format, path, size_bytes: sizeBytes } of materializations) {
    if (format !== "parquet" && format !== "jsonl") continue;
    // The artifact came out of this tenant's state; its bytes must be this tenant's too.
    if (tenant_id !== tenantId || !path.startsWith(`artifacts/${tenantId}/`)) break;
    if (lifecycle_state !== "READY") break;
    return { path, sizeBytes, format };
  }
  throw new RuntimeError(
    "artifact.not_ready",
    `The artifact ${artifact_id} has no rows that can be read: it is ${lifecycle_state}.`,
    {
      status: 409,
      details: { lifecycle_state },
    },
  );
}
