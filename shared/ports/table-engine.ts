import type { TenantId } from "../ids.ts";
import type { JsonObject, JsonValue } from "../json.ts";

/** Rows that rest as one object, and are read as a table; read-only. */
export interface TableEngine {
  /**
   * Answers one SELECT over the tables that the request names, and over nothing else: no files, no network, no settings.
   * Throws `tables.sql_invalid`, `tables.not_a_select`, `tables.forbidden`, `tables.too_slow`, `tables.too_much_memory`,
   * `tables.too_large` or `tables.crashed` (422): another try would not help. `object.damaged` when the bytes are not the ones
   * that were kept, `tables.unavailable` (503, retryable) when the engine cannot work here and now.
   */
  query(query: TableQuery): Promise<QueryAnswer>;
  /** Streams the rows of one table in order, a row group at a time; values are as in `QueryAnswer`. */
  rows(table: StoredTable): AsyncIterable<JsonObject>;
  /** Rejects when the engine cannot be used right now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Where the rows of a table are: an object that is named by its content. */
export interface StoredTable {
  readonly path: string;
  readonly sizeBytes: number;
  /** `jsonl`: one JSON object a line. */
  readonly format: "parquet" | "jsonl";
}

export interface TableQuery {
  /** Whose turn it takes: the queries of one tenant never hold up all of another's. */
  readonly tenantId: TenantId;
  /** One SELECT of DuckDB's dialect. */
  readonly sql: string;
  /** By the names that the SQL calls them. */
  readonly tables: Readonly<Record<string, StoredTable>>;
  readonly maxRows: number;
  /** Of the rows as JSON text. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Ends the query. */
  readonly signal: AbortSignal;
}

/**
 * Integers beyond 2^53 are texts; dates and times are ISO 8601, without a zone where the column has none; lists and
 * structures are JSON; bytes are texts as DuckDB writes them.
 */
export interface QueryAnswer {
  /** Unique names, with the engine's types: BIGINT, VARCHAR, DATE ... */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** A value for each column, in their order. */
  readonly rows: readonly (readonly JsonValue[])[];
  /** Whether there were more rows than `maxRows` or `maxBytes` let through. */
  readonly truncated: boolean;
}
