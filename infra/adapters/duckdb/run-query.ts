import { type DuckDBConnection, DuckDBInstance, type DuckDBPreparedStatement, StatementType } from "@duckdb/node-api";

import type { JsonValue } from "../../../shared/json.ts";
import type { QueryAnswer } from "../../../shared/ports/table-engine.ts";
import { plainValue } from "./plain-values.ts";
import type { QueryOrder, QueryReply } from "./query-messages.ts";

const SETTINGS = {
  threads: "2",
  memory_limit: "512MB",
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
  allow_community_extensions: "false",
};

/** Runs an order in a database of its own, in memory. Rejects with DuckDB's errors; see `refusalOf`. */
export async function runQuery(order: QueryOrder): Promise<QueryReply> {
  const instance = await DuckDBInstance.create(":memory:", SETTINGS);
  try {
    const connection = await instance.connect();
    try {
      await seal(connection, order);
      const statement = await onlySelect(connection, order.sql);
      if (statement === undefined) return refusal("not_a_select", "Exactly one SELECT is run, and nothing else.");
      return { kind: "answer", answer: await read(statement, order) };
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** What DuckDB says in words, by kind; the names of the files behind the tables are nobody's business. */
export function refusalOf(error: unknown, { tables }: QueryOrder): QueryReply {
  let message = error instanceof Error ? error.message : String(error);
  for (const { file, name } of tables) message = message.replaceAll(file, name);
  if (message.includes("Permission Error")) {
    return refusal("forbidden", "A query reads its tables, and no files, extensions, secrets or network.");
  }
  if (/Out of Memory Error|could not allocate/i.test(message)) return refusal("too_much_memory", message);
  // What its binding says of a text without a statement.
  if (message === "Error in native callback") return refusal("sql_invalid", "There is no statement.");
  return refusal("sql_invalid", message);
}

type Refused = Extract<QueryReply, { readonly kind: "refused" }>;

function refusal(kind: Refused["refusal"], message: string): Refused {
  return { kind: "refused", refusal: kind, message };
}

/** Shows the tables to the connection and closes everything else for good. */
async function seal(connection: DuckDBConnection, { tables }: QueryOrder): Promise<void> {
  const files = [...new Set(tables.map(({ file }) => file))].map(quoted).join(", ");
  await connection.run(
    `SET temp_directory = ''; SET allowed_paths = [${files}]; SET enable_external_access = false; SET lock_configuration = true;`,
  );
  for (const { name, file, format } of tables) {
    const reader = format === "parquet" ? "read_parquet" : "read_ndjson";
    await connection.run(`CREATE VIEW "${name.replaceAll('"', '""')}" AS SELECT * FROM ${reader}(${quoted(file)})`);
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

async function onlySelect(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement | undefined> {
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) return undefined;
  const statement = await statements.prepare(0);
  return statement.statementType === StatementType.SELECT ? statement : undefined;
}

async function read(
  statement: DuckDBPreparedStatement,
  { maxRows, maxBytes }: Pick<QueryOrder, "maxRows" | "maxBytes">,
): Promise<QueryAnswer> {
  const result = await statement.stream();
  const names = result.deduplicatedColumnNames();
  const columns = names.map((name, index) => ({ name, type: String(result.columnType(index)) }));
  const rows: JsonValue[][] = [];
  let bytes = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (const row of chunk.convertRows(plainValue)) {
      bytes += Buffer.byteLength(JSON.stringify(row));
      if (rows.length >= maxRows || bytes > maxBytes) return { columns, rows, truncated: true };
      rows.push(row);
    }
  }
  return { columns, rows, truncated: false };
}
