import type { DatabaseSync, SQLInputValue } from "node:sqlite";

import { invalidCursor, pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import type { Page } from "../../../shared/ports/paging.ts";
import type { AnyRow } from "../../../shared/ports/record-effects.ts";
import { type RecordQuery, type RecordView, rowContended, type RowWrite } from "../../../shared/ports/record-store.ts";
import { RECORD_TABLES, type RecordRow, type RecordTable } from "../../../shared/ports/record-tables.ts";
import { isRfc3339, rfc3339 } from "../../../shared/clock.ts";
import { createStatements } from "./statements.ts";

/** Rows of one table, as one view sees them; the writing half runs inside the caller's transaction. */
export function createRecordRows(db: DatabaseSync) {
  const sql = createStatements(db);

  const find = (view: RecordView, table: RecordTable, id: string): AnyRow | undefined => {
    const { clause, values } = visible(view);
    const row = sql(`SELECT * FROM ${table} WHERE id = ? AND ${clause}`).get(id, ...values);
    return row === undefined ? undefined : fromCells(table, row);
  };

  const put = (table: RecordTable, row: AnyRow): void => {
    const columns = Object.keys(RECORD_TABLES[table]);
    try {
      sql(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`).run(
        ...toCells(table, columns, row),
      );
    } catch (error) {
      throw isDuplicate(error) ? rowContended(table, row.id) : error;
    }
  };

  const replace = (table: RecordTable, row: AnyRow): void => {
    const columns = Object.keys(RECORD_TABLES[table]).filter((column) => column !== "id");
    try {
      sql(`UPDATE ${table} SET ${columns.map((column) => `${column} = ?`).join(", ")} WHERE id = ?`).run(
        ...toCells(table, columns, row),
        row.id,
      );
    } catch (error) {
      throw isDuplicate(error) ? rowContended(table, row.id) : error;
    }
  };

  const remove = (table: RecordTable, id: string): void => void sql(`DELETE FROM ${table} WHERE id = ?`).run(id);

  return {
    find,
    put,
    replace,
    remove,

    list: <Table extends RecordTable>(
      view: RecordView,
      table: Table,
      { where = {}, notAfter, ...page }: RecordQuery<Table>,
    ): Page<RecordRow<Table>> => {
      const { clause, values } = visible(view);
      const after = readPosition(page.cursor, ["string", "string"]);
      if (after !== undefined && !isRfc3339(String(after[0]))) throw invalidCursor();
      const wanted = Object.entries(where);
      const clauses = [
        clause,
        ...wanted.map(([column]) => `${column} = ?`),
        ...(notAfter === undefined ? [] : [`${notAfter.column} <= ?`]),
        ...(after === undefined ? [] : ["(created_at, id) < (?, ?)"]),
      ];
      const rows = sql(
        `SELECT * FROM ${table} WHERE ${clauses.join(" AND ")} ORDER BY created_at DESC, id DESC LIMIT ?`,
      ).all(
        ...values,
        ...wanted.map(([, value]) => value as SQLInputValue),
        ...(notAfter === undefined ? [] : [rfc3339(notAfter.atMs)]),
        ...((after ?? []) as readonly string[]),
        page.limit + 1,
      );
      const item = (row: Record<string, unknown>) => fromCells(table, row) as unknown as RecordRow<Table>;
      return pageOf(rows, page, item, (row) => [String(row["created_at"]), String(row["id"])]);
    },

    /** What a write makes of a row; undefined for a row that is deleted. Throws `record.contended`. */
    write: (
      view: RecordView,
      write: RowWrite,
      atMs: number,
    ): { before: AnyRow | undefined; after: AnyRow | undefined } => {
      const now = rfc3339(atMs);
      if (write.kind === "insert") {
        const after = {
          ...write.row,
          tenant_id: view.tenantId,
          data_classification: view.dataClassification,
          version: 1,
          created_at: now,
          updated_at: now,
        };
        put(write.table, after);
        return { before: undefined, after };
      }
      const before = find(view, write.table, write.id);
      if (before === undefined || before.version !== write.expectedVersion) throw rowContended(write.table, write.id);
      if (write.kind === "delete") {
        remove(write.table, write.id);
        return { before, after: undefined };
      }
      const after = { ...before, ...write.set, version: before.version + 1, updated_at: now };
      replace(write.table, after);
      return { before, after };
    },
  };
}

/** A view's share of a table; the class comes first, so that one index serves both kinds. */
function visible({ dataClassification, tenantId }: RecordView): { clause: string; values: readonly string[] } {
  return dataClassification === "platform"
    ? { clause: "data_classification = 'platform'", values: [] }
    : { clause: "data_classification = 'client' AND tenant_id = ?", values: [tenantId] };
}

function toCells(table: RecordTable, columns: readonly string[], row: AnyRow): SQLInputValue[] {
  const types: Readonly<Record<string, string>> = RECORD_TABLES[table];
  return columns.map((column) => {
    const value = row[column] ?? null;
    return (types[column]?.startsWith("json") && value !== null ? JSON.stringify(value) : value) as SQLInputValue;
  });
}

function fromCells(table: RecordTable, cells: Record<string, unknown>): AnyRow {
  const types: Readonly<Record<string, string>> = RECORD_TABLES[table];
  const entries = Object.entries(cells).map(([column, value]): [string, unknown] => [
    column,
    types[column]?.startsWith("json") && typeof value === "string" ? JSON.parse(value) : value,
  ]);
  return Object.fromEntries(entries) as AnyRow;
}

/** SQLITE_CONSTRAINT_UNIQUE and _PRIMARYKEY. */
function isDuplicate(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (error.errcode === 2067 || error.errcode === 1555);
}
