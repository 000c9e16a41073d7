import type { DatabaseSync } from "node:sqlite";

import type { TenantId } from "../../../shared/ids.ts";
import type { LogFilter, LogRow } from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf, readCursor } from "./cursor.ts";

interface EntryRow {
  readonly position: number;
  readonly sequence: number;
  readonly timestamp_ms: number;
  readonly text: string;
}

/** The append-only log: one table, found by execution, session, type and time, each by an index of its own. */
export function createLogTable(db: DatabaseSync) {
  const insert = db.prepare(
    `INSERT INTO log (tenant_id, event_type, session_id, execution_no, stream, sequence, timestamp_ms, text)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );

  return {
    append: (tenantId: TenantId, executionNo: number | undefined, row: LogRow): void => {
      insert.run(
        tenantId,
        row.eventType,
        row.sessionId ?? null,
        executionNo ?? null,
        row.stream,
        row.sequence,
        row.timestampMs,
        row.text,
      );
    },

    /** `executionNo` stands for the filter's execution, already looked up within the tenant. */
    read: (tenantId: TenantId, executionNo: number | undefined, filter: LogFilter, page: PageRequest): Page<string> => {
      // Within an execution the sequence is the order; across a tenant it is time, then arrival.
      const ordered = executionNo === undefined ? ["timestamp_ms", "position"] : ["sequence"];
      const after = readCursor(
        page.cursor,
        ordered.map(() => "number" as const),
      );
      const newest = filter.order === "newest";
      const clauses: string[] = ["tenant_id = ?"];
      const values: (string | number)[] = [tenantId];
      const where = (clause: string, ...bound: readonly (string | number)[]): void => {
        clauses.push(clause);
        values.push(...bound);
      };
      if (executionNo !== undefined) where("execution_no = ?", executionNo);
      // A unary plus keeps SQLite on the index of the narrowest condition: execution, then session, then type.
      if (filter.sessionId !== undefined)
        where(`${executionNo === undefined ? "" : "+"}session_id = ?`, filter.sessionId);
      const narrowed = executionNo !== undefined || filter.sessionId !== undefined;
      if (filter.eventType !== undefined) where(`${narrowed ? "+" : ""}event_type = ?`, filter.eventType);
      if (filter.afterSequence !== undefined) where("sequence > ?", filter.afterSequence);
      if (filter.fromMs !== undefined) where("timestamp_ms >= ?", filter.fromMs);
      if (filter.toMs !== undefined) where("timestamp_ms < ?", filter.toMs);
      if (after !== undefined) {
        where(`(${ordered.join(", ")}) ${newest ? "<" : ">"} (${ordered.map(() => "?").join(", ")})`, ...after);
      }
      const direction = newest ? "DESC" : "ASC";
      const rows = db
        .prepare(
          `SELECT position, sequence, timestamp_ms, text FROM log WHERE ${clauses.join(" AND ")}
           ORDER BY ${ordered.map((column) => `${column} ${direction}`).join(", ")} LIMIT ?`,
        )
        .all(...values, page.limit + 1) as unknown as EntryRow[];
      const position = (row: EntryRow) =>
        executionNo === undefined ? [row.timestamp_ms, row.position] : [row.sequence];
      return pageOf(rows, page, (row) => row.text, position);
    },
  };
}
