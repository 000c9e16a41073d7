import type { DatabaseSync } from "node:sqlite";

import type { TenantId } from "../../../shared/ids.ts";
import type { Acceptance, AcceptOutcome, Change, ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { openDatabase } from "./database.ts";
import { createExecutionTable } from "./executions.ts";
import { createGroupCommit, storeError } from "./group-commit.ts";
import { createLogTable } from "./log.ts";
import { createLogKeeping } from "./log-keeping.ts";
import { createMailbox } from "./mailbox.ts";
import { createOutboxTable } from "./outbox.ts";
import { createRecordTable } from "./records.ts";

/**
 * The embedded execution store: one SQLite file, or `:memory:`. A change is one transaction on the disk (synchronous=FULL);
 * several processes may share the file. All checks of a change precede its first write.
 */
export function createSqliteStore(path: string): ExecutionStore {
  const db = openDatabase(path);
  const group = createGroupCommit(db);
  const executions = createExecutionTable(db);
  const log = createLogTable(db);
  const records = createRecordTable(db);
  const outbox = createOutboxTable(db);
  const mailbox = createMailbox(db);
  const idempotency = createIdempotencyTable(db);
  const beat = db.prepare(
    "INSERT INTO workers (worker_id, beat_ms) VALUES (?, ?) ON CONFLICT DO UPDATE SET beat_ms = excluded.beat_ms",
  );
  const retire = db.prepare("DELETE FROM workers WHERE worker_id = ?");
  const alive = db.prepare("SELECT 1 FROM workers WHERE worker_id = ? AND beat_ms >= ?");

  const read = async <Result>(query: () => Result): Promise<Result> => {
    try {
      return await Promise.resolve(query());
    } catch (error) {
      throw storeError(error);
    }
  };

  const apply = (tenantId: TenantId, executionNo: number | undefined, change: Change): void => {
    for (const write of change.records) records.apply(tenantId, write);
    for (const row of change.log) log.append(tenantId, executionNo, row);
    for (const message of change.outbox) outbox.add(message);
    for (const mail of change.mail) mailbox.send(tenantId, mail);
  };

  const accept = (acceptance: Acceptance): AcceptOutcome => {
    const { tenantId, idempotency: claim, createdMs } = acceptance;
    const first = claim && idempotency.find(tenantId, claim.key, createdMs);
    if (claim !== undefined && first !== undefined) {
      const outcome = first.digest === claim.digest ? "duplicate" : "idempotency_mismatch";
      return { outcome, executionId: first.executionId };
    }
    if (!records.usable(tenantId, acceptance.requires)) return { outcome: "requirement_unmet" };
    const conflict = records.conflict(tenantId, acceptance.change.records);
    if (conflict !== undefined) return conflict;
    records.prolong(tenantId, acceptance.requires);
    if (claim !== undefined) idempotency.put(tenantId, claim, acceptance.executionId);
    apply(tenantId, executions.insert(acceptance), acceptance.change);
    return { outcome: "accepted", epoch: 1 };
  };

  return {
    accept: (acceptance) => group.run(() => accept(acceptance)),

    claim: ({ tenantId, executionId, workerId, nowMs, deadAfterMs }) =>
      group.run(() => {
        const row = executions.find(tenantId, executionId);
        if (row === undefined) return { outcome: "absent" };
        if (row.terminal === 1) return { outcome: "terminal" };
        const heldByOther = row.owner !== workerId && alive.get(row.owner, nowMs - deadAfterMs) !== undefined;
        if (heldByOther) return { outcome: "held" };
        beat.run(workerId, nowMs);
        executions.takeOver(row.no, workerId);
        return {
          outcome: "claimed",
          epoch: row.epoch + 1,
          execution: { ...executions.load(row), epoch: row.epoch + 1 },
        };
      }),

    commit: ({ tenantId, executionId, epoch, state, change, readMail, release }) =>
      group.run(() => {
        const row = executions.find(tenantId, executionId);
        if (row === undefined || row.epoch !== epoch || row.terminal === 1) return { outcome: "fenced" };
        const conflict = records.conflict(tenantId, change.records);
        if (conflict !== undefined) return conflict;
        executions.writeState(row.no, state);
        mailbox.remove(row.no, readMail);
        apply(tenantId, row.no, change);
        if (state.terminal) mailbox.clear(row.no);
        const mail = mailbox.waits(row.no);
        const held = release === undefined || (mail && release.evenWithMail !== true);
        if (!held) executions.letGo(row.no, release.wakeAtMs);
        return { outcome: "committed", held, mail };
      }),

    write: (tenantId, change) =>
      group.run(() => {
        const conflict = records.conflict(tenantId, change.records);
        if (conflict !== undefined) return conflict;
        const { mail, mailboxLimit: limit } = change;
        if (limit !== undefined && mailbox.overflows(tenantId, mail, limit)) return { outcome: "mailbox_full" };
        apply(tenantId, undefined, change);
        return { outcome: "written" };
      }),

    readExecution: (tenantId, executionId) =>
      read(() => {
        const row = executions.find(tenantId, executionId);
        return row === undefined ? undefined : executions.load(row);
      }),

    listExecutions: (tenantId, filter, page) => read(() => executions.list(tenantId, filter, page)),

    readLog: async (tenantId, filter, page) => {
      const { executionId } = filter;
      if (executionId === undefined) {
        if (await read(log.unplaced)) await group.run(log.place);
        return read(() => log.read(tenantId, undefined, filter, page));
      }
      return read(() => {
        const row = executions.find(tenantId, executionId);
        return row === undefined ? { items: [] } : log.read(tenantId, row.no, filter, page);
      });
    },

    readRecord: (tenantId, kind, id) => read(() => records.read(tenantId, kind, id)),
    listRecords: (tenantId, kind, facet, page) => read(() => records.list(tenantId, kind, facet, page)),

    unpublished: (limit, except = []) => read(() => outbox.waiting(limit, except)),
    // Not worth a flush of its own: until it is on the disk, a relay that dies repeats a message, as it may at any time.
    markPublished: (eventIds, atMs) => group.ride(() => outbox.mark(eventIds, atMs)),

    readMail: (tenantId, executionId) => read(() => mailbox.read(tenantId, executionId)),

    beat: (workerId, nowMs) => group.run(() => void beat.run(workerId, nowMs)),
    retire: (workerId) => group.run(() => void retire.run(workerId)),
    due: ({ nowMs, limit }) => read(() => executions.due(nowMs, limit)),
    abandoned: ({ nowMs, deadAfterMs, limit }) => read(() => executions.abandoned(nowMs - deadAfterMs, limit)),
    purge: ({ nowMs, publishedBeforeMs }) =>
      group.run(() => idempotency.purge(nowMs) + outbox.purge(publishedBeforeMs)),

    prolong: (tenantId, requirement) =>
      group.run(() => {
        const usable = records.usable(tenantId, requirement);
        if (usable) records.prolong(tenantId, requirement);
        return usable;
      }),

    keeping: createLogKeeping(db, group, log),

    ping: () => group.run(() => undefined),
    close: async () => {
      await group.settled();
      if (db.isOpen) db.close();
    },
  };
}

function createIdempotencyTable(db: DatabaseSync) {
  const select = db.prepare(
    "SELECT digest, execution_id FROM idempotency WHERE tenant_id = ? AND key = ? AND expires_ms > ?",
  );
  const upsert = db.prepare(
    `INSERT INTO idempotency (tenant_id, key, digest, execution_id, expires_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET digest = excluded.digest, execution_id = excluded.execution_id, expires_ms = excluded.expires_ms`,
  );
  const purge = db.prepare("DELETE FROM idempotency WHERE expires_ms <= ?");
  return {
    find: (tenantId: TenantId, key: string, nowMs: number) => {
      const row = select.get(tenantId, key, nowMs);
      if (row === undefined) return undefined;
      return { digest: String(row["digest"]), executionId: String(row["execution_id"]) as Acceptance["executionId"] };
    },
    put: (tenantId: TenantId, claim: NonNullable<Acceptance["idempotency"]>, executionId: string): void => {
      upsert.run(tenantId, claim.key, claim.digest, executionId, claim.expiresMs);
    },
    purge: (nowMs: number): number => Number(purge.run(nowMs).changes),
  };
}
