import type { DatabaseSync } from "node:sqlite";

import type { TenantId } from "../../../shared/ids.ts";
import type { LogFilter, LogRow } from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import { createStatements } from "./statements.ts";

/** How many entries are given their places at once, by the commit that writes the last of them. */
const PLACE_EVERY = 128;

interface EntryRow {
  readonly position: number;
  readonly sequence: number;
  readonly timestamp_ms: number;
  readonly text: string;
}

/**
 * The append-only log. An execution's entries are found by its number; entries of a tenant, session or type by their places.
 *  L1  Whoever reads by places calls `place` first if there is anything `unplaced`: then the places are complete.
 *  L2  Positions grow in the order of commits, so all entries behind the last place are those without one.
 */
export function createLogTable(db: DatabaseSync) {
  const statement = createStatements(db);
  const insert = db.prepare(
    `INSERT INTO log (tenant_id, event_type, session_id, execution_no, stream, sequence, timestamp_ms, text)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const place = db.prepare(
    `INSERT INTO log_places (position, tenant_id, event_type, session_id, timestamp_ms)
     SELECT position, tenant_id, event_type, session_id, timestamp_ms FROM log
     WHERE position > (SELECT coalesce(max(position), 0) FROM log_places)`,
  );
  const unplaced = db.prepare(
    "SELECT 1 FROM log WHERE position > (SELECT coalesce(max(position), 0) FROM log_places) LIMIT 1",
  );

  return {
    append: (tenantId: TenantId, executionNo: number | undefined, row: LogRow): void => {
      const { lastInsertRowid } = insert.run(
        tenantId,
        row.eventType,
        row.sessionId ?? null,
        executionNo ?? null,
        row.stream,
        row.sequence,
        row.timestampMs,
        row.text,
      );
      if (Number(lastInsertRowid) % PLACE_EVERY === 0) place.run();
    },

    /** Whether entries wait for their places. */
    unplaced: (): boolean => unplaced.get() !== undefined,

    /** Gives all entries their places. */
    place: (): void => {
      place.run();
    },

    /** `executionNo` stands for the filter's execution, already looked up within the tenant. */
    read: (tenantId: TenantId, executionNo: number | undefined, filter: LogFilter, page: PageRequest): Page<string> => {
      // Within an execution the sequence is the order; across a tenant it is time, then arrival.
      const ordered = executionNo === undefined ? ["timestamp_ms", "position"] : ["sequence"];
      const after = readPosition(
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
      const source =
        executionNo === undefined
          ? "position, 0 AS sequence, timestamp_ms, (SELECT text FROM log WHERE log.position = log_places.position) AS text FROM log_places"
          : "position, sequence, timestamp_ms, text FROM log";
      const order = ordered.map((column) => `${column} ${direction}`).join(", ");
      const rows = statement(`SELECT ${source} WHERE ${clauses.join(" AND ")} ORDER BY ${order} LIMIT ?`).all(
        ...values,
        page.limit + 1,
      ) as unknown as EntryRow[];
      const position = (row: EntryRow) =>
        executionNo === undefined ? [row.timestamp_ms, row.position] : [row.sequence];
      return pageOf(rows, page, (row) => row.text, position);
    },
  };
}
