import type { DatabaseSync } from "node:sqlite";

import { RuntimeError } from "../../../shared/errors.ts";
import { recordsUnavailable, type RecordStore, type RecordView } from "../../../shared/ports/record-store.ts";
import type { RecordRow, RecordTable } from "../../../shared/ports/record-tables.ts";
import { createGroupCommit } from "./group-commit.ts";
import { openRecordDatabase } from "./record-database.ts";
import { createRecordEffects } from "./record-effects.ts";
import { createRecordRows } from "./record-rows.ts";
import { createSubjectKeyTable } from "./subject-keys.ts";

/**
 * The embedded record store: one SQLite file that several processes may share, or `:memory:`, opened when it is first asked.
 * SQLite has no rows of several owners: here the queries themselves keep tenants and classes apart.
 */
export function createSqliteRecordStore(path: string): RecordStore {
  let opened: ReturnType<typeof openTables> | undefined;
  let closed = false;
  const tables = (): ReturnType<typeof openTables> => {
    if (closed) throw recordsUnavailable(new Error("closed"));
    opened ??= openTables(path);
    return opened;
  };
  const read = async <Result>(query: (from: ReturnType<typeof openTables>) => Result): Promise<Result> => {
    try {
      return await Promise.resolve(query(tables()));
    } catch (error) {
      throw recordError(error);
    }
  };
  /** Writers of one turn share a transaction and its flush. */
  const change = async <Result>(work: (to: ReturnType<typeof openTables>) => Result): Promise<Result> => {
    try {
      const to = tables();
      return await to.group.run(() => work(to));
    } catch (error) {
      throw recordError(error);
    }
  };

  return {
    get: <Table extends RecordTable>(view: RecordView, table: Table, id: string) =>
      read(({ rows }) => rows.find(view, table, id) as unknown as RecordRow<Table> | undefined),
    list: (view, table, query) => read(({ rows }) => rows.list(view, table, query)),
    apply: (view, effect, writes) => change(({ effects }) => effects.apply(view, effect, writes)),
    undo: (view, key, atMs) => change(({ effects }) => effects.undo(view, key, atMs)),
    dropTombstones: (view, old) => change(({ effects }) => effects.dropTombstones(view, old)),
    subjectKeys: {
      get: (tenantId, subjectId) => read(({ keys }) => keys.get(tenantId, subjectId)),
      add: (tenantId, key) => change(({ keys }) => keys.add(tenantId, key)),
      list: (tenantId, page) => read(({ keys }) => keys.list(tenantId, page)),
      rewrap: (tenantId, key, wrappedKey) => change(({ keys }) => keys.rewrap(tenantId, key, wrappedKey)),
      erase: async (tenantId, subjectId, atMs) => {
        const erased = await change(({ keys }) => keys.erase(tenantId, subjectId, atMs));
        // The journal still holds pages with the key until it is folded into the file.
        if (erased !== undefined) await read(({ db }) => db.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
        return erased;
      },
    },
    ping: () => read(({ db }) => void db.prepare("SELECT 1").get()),
    close: async () => {
      closed = true;
      await opened?.group.settled();
      if (opened?.db.isOpen === true) opened.db.close();
    },
  };
}

function openTables(path: string) {
  const db: DatabaseSync = openRecordDatabase(path);
  const rows = createRecordRows(db);
  return {
    db,
    rows,
    group: createGroupCommit(db),
    effects: createRecordEffects(db, rows),
    keys: createSubjectKeyTable(db),
  };
}

/** A file that cannot be used right now is told apart from what a caller did wrong. */
function recordError(error: unknown): unknown {
  if (error instanceof RuntimeError) return error.code === "store.unavailable" ? recordsUnavailable(error) : error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ERR_SQLITE_ERROR" || code === "ERR_INVALID_STATE" ? recordsUnavailable(error) : error;
}
