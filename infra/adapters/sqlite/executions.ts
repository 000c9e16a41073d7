import type { DatabaseSync } from "node:sqlite";

import { asId, type ExecutionId, type TenantId, trustedTenantId, type WorkerId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type {
  Acceptance,
  ExecutionFilter,
  ExecutionPatch,
  ExecutionRef,
  StoredExecution,
} from "../../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../../shared/ports/paging.ts";
import { pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import { createStatements } from "./statements.ts";

export interface ExecutionRow {
  readonly no: number;
  readonly epoch: number;
  readonly terminal: number;
  readonly owner: string;
  readonly head: string;
}

/** Executions, their intents and steps; the writing half runs inside the caller's transaction. */
export function createExecutionTable(db: DatabaseSync) {
  const statement = createStatements(db);
  const select = db.prepare(
    "SELECT no, epoch, terminal, owner, head FROM executions WHERE tenant_id = ? AND execution_id = ?",
  );
  const insert = db.prepare(
    `INSERT INTO executions (tenant_id, execution_id, session_id, intent_type, status, terminal, epoch, owner, created_ms, head)
     VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
  );
  const insertIntent = db.prepare("INSERT INTO intents (execution_no, body) VALUES (?, ?)");
  const selectIntent = db.prepare("SELECT body FROM intents WHERE execution_no = ?");
  // The status is written only when it changes: its index then stays untouched by most commits.
  const updateHead = db.prepare("UPDATE executions SET head = ? WHERE no = ?");
  const updateStatus = db.prepare("UPDATE executions SET status = ?, terminal = ? WHERE no = ? AND status <> ?");
  const takeOver = db.prepare("UPDATE executions SET epoch = epoch + 1, owner = ?, wake_ms = NULL WHERE no = ?");
  const letGo = db.prepare("UPDATE executions SET owner = '', wake_ms = ? WHERE no = ?");
  const due = db.prepare(
    "SELECT tenant_id, execution_id FROM executions WHERE owner = '' AND wake_ms <= ? ORDER BY wake_ms LIMIT ?",
  );
  const upsertStep = db.prepare(
    "INSERT INTO steps (execution_no, position, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
  );
  const selectSteps = db.prepare("SELECT position, body FROM steps WHERE execution_no = ? ORDER BY position");
  // Hops from owner to owner along the index of unfinished work, so the cost follows the number of workers.
  const abandoned = db.prepare(
    `WITH RECURSIVE owners (owner) AS (
       SELECT min(owner) FROM executions WHERE terminal = 0 AND owner > ''
       UNION ALL
       SELECT (SELECT min(owner) FROM executions WHERE terminal = 0 AND owner > owners.owner) FROM owners WHERE owners.owner IS NOT NULL
     )
     SELECT e.tenant_id, e.execution_id FROM owners
     JOIN executions e ON e.owner = owners.owner AND e.terminal = 0
     WHERE NOT EXISTS (SELECT 1 FROM workers w WHERE w.worker_id = owners.owner AND w.beat_ms >= ?)
     ORDER BY e.no LIMIT ?`,
  );

  const writeState = (no: number, state: ExecutionPatch): void => {
    updateStatus.run(state.status, state.terminal ? 1 : 0, no, state.status);
    updateHead.run(JSON.stringify(state.head), no);
    for (const step of state.steps) upsertStep.run(no, step.position, JSON.stringify(step.body));
  };

  return {
    find: (tenantId: TenantId, executionId: ExecutionId): ExecutionRow | undefined =>
      select.get(tenantId, executionId) as unknown as ExecutionRow | undefined,

    /** Inserts the execution under epoch 1 and returns its number. */
    insert: (acceptance: Acceptance): number => {
      const { state } = acceptance;
      const { lastInsertRowid } = insert.run(
        acceptance.tenantId,
        acceptance.executionId,
        acceptance.sessionId,
        acceptance.intentType,
        state.status,
        state.terminal ? 1 : 0,
        acceptance.workerId,
        acceptance.createdMs,
        JSON.stringify(state.head),
      );
      const no = Number(lastInsertRowid);
      insertIntent.run(no, JSON.stringify(acceptance.intent));
      for (const step of state.steps) upsertStep.run(no, step.position, JSON.stringify(step.body));
      return no;
    },

    writeState,

    takeOver: (no: number, workerId: WorkerId): void => {
      takeOver.run(workerId, no);
    },

    /** Leaves the execution to whoever comes when it is due. */
    letGo: (no: number, wakeAtMs: number | undefined): void => {
      letGo.run(wakeAtMs ?? null, no);
    },

    due: (nowMs: number, limit: number): readonly ExecutionRef[] => due.all(nowMs, limit).map(refOf),

    load: (row: ExecutionRow): StoredExecution => ({
      epoch: row.epoch,
      intent: JSON.parse(String(selectIntent.get(row.no)?.["body"])) as JsonObject,
      head: JSON.parse(row.head) as JsonObject,
      steps: selectSteps
        .all(row.no)
        .map((step) => ({ position: Number(step["position"]), body: JSON.parse(String(step["body"])) as JsonObject })),
    }),

    list: (tenantId: TenantId, filter: ExecutionFilter, page: PageRequest): Page<JsonObject> => {
      const after = readPosition(page.cursor, ["number"]);
      const clauses = ["tenant_id = ?"];
      const values: (string | number)[] = [tenantId];
      const where = (clause: string, bound?: string | number): void => {
        clauses.push(clause);
        if (bound !== undefined) values.push(bound);
      };
      // A unary plus keeps SQLite on the index of the narrowest condition: session, then type, then status.
      if (filter.sessionId !== undefined) where("session_id = ?", filter.sessionId);
      const bySession = filter.sessionId !== undefined ? "+" : "";
      if (filter.intentType !== undefined) where(`${bySession}intent_type = ?`, filter.intentType);
      const byType = filter.intentType !== undefined ? "+" : bySession;
      if (filter.status !== undefined) where(`${byType}status = ?`, filter.status);
      if (filter.live === true) where("terminal = 0");
      if (after !== undefined) where("no < ?", after[0]);
      const sql = `SELECT no, head FROM executions WHERE ${clauses.join(" AND ")} ORDER BY no DESC LIMIT ?`;
      const rows = statement(sql).all(...values, page.limit + 1) as unknown as {
        readonly no: number;
        readonly head: string;
      }[];
      return pageOf(
        rows,
        page,
        (row) => JSON.parse(row.head) as JsonObject,
        (row) => [row.no],
      );
    },

    abandoned: (aliveSinceMs: number, limit: number): readonly ExecutionRef[] =>
      abandoned.all(aliveSinceMs, limit).map(refOf),
  };
}

function refOf(row: Readonly<Record<string, unknown>>): ExecutionRef {
  return {
    tenantId: trustedTenantId(row["tenant_id"] as string),
    executionId: asId.execution(row["execution_id"] as string),
  };
}
