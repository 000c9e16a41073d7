import type { RecordStore, RecordView } from "../../../shared/ports/record-store.ts";
import type { RecordRow, RecordTable } from "../../../shared/ports/record-tables.ts";
import { openPostgres, type PostgresOptions } from "./connection.ts";
import { applyEffect, dropTombstones, undoEffect } from "./record-effects.ts";
import { findRow, listRows } from "./record-rows.ts";
import { createPostgresSubjectKeys } from "./subject-keys.ts";

/**
 * The record store in Postgres, such as Supabase's, migrated by `npm run setup:data`. Every call acts as the tenant it is for:
 * a mistake in a query here still cannot cross tenants. It connects when it is first asked.
 */
export function createPostgresRecordStore(options: PostgresOptions): RecordStore {
  const connection = openPostgres(options);
  return {
    get: <Table extends RecordTable>(view: RecordView, table: Table, id: string) =>
      connection.asTenant(
        view.tenantId,
        async (tx) => (await findRow(tx, view, table, id)) as RecordRow<Table> | undefined,
      ),
    list: (view, table, query) => connection.asTenant(view.tenantId, (tx) => listRows(tx, view, table, query)),
    apply: (view, effect, writes) => connection.asWriter(view, (tx) => applyEffect(tx, view, effect, writes)),
    undo: (view, key, atMs) => connection.asWriter(view, (tx) => undoEffect(tx, view, key, atMs)),
    dropTombstones: (view, old) => connection.asWriter(view, (tx) => dropTombstones(tx, view, old)),
    subjectKeys: createPostgresSubjectKeys(connection),
    ping: () => connection.ping(),
    close: () => connection.close(),
  };
}
