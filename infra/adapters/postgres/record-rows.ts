import { isRfc3339, rfc3339 } from "../../../shared/clock.ts";
import { invalidCursor, pageOf, readPosition } from "../../../shared/ports/page-cursor.ts";
import type { Page } from "../../../shared/ports/paging.ts";
import type { AnyRow } from "../../../shared/ports/record-effects.ts";
import { type RecordQuery, type RecordView, rowContended, type RowWrite } from "../../../shared/ports/record-store.ts";
import { RECORD_TABLES, type RecordRow, type RecordTable } from "../../../shared/ports/record-tables.ts";
import { codeOf, type Transaction } from "./connection.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The row with its lock, when it is to be changed. */
export async function findRow(
  tx: Transaction,
  view: RecordView,
  table: RecordTable,
  id: string,
  lock = false,
): Promise<AnyRow | undefined> {
  // The only ids that Postgres is particular about.
  if (table === "parsed_data_files" && !UUID.test(id)) return undefined;
  const rows = await tx`select * from ${place(tx, table)} where id = ${id}
    and ${visible(tx, view)} ${lock ? tx`for update` : tx``}`;
  const [row] = rows;
  return row === undefined ? undefined : fromCells(table, row);
}

export async function listRows<Table extends RecordTable>(
  tx: Transaction,
  view: RecordView,
  table: Table,
  { where = {}, notAfter, ...page }: RecordQuery<Table>,
): Promise<Page<RecordRow<Table>>> {
  const after = readPosition(page.cursor, ["string", "string"]) as readonly [string, string] | undefined;
  if (after !== undefined && !(isRfc3339(after[0]) && fitsIds(table, after[1]))) throw invalidCursor();
  const wanted = Object.entries(where).map(([column, value]) => tx`and ${tx(column)} = ${value as string | number}`);
  const due = notAfter === undefined ? tx`` : tx`and ${tx(notAfter.column as string)} <= ${rfc3339(notAfter.atMs)}`;
  const rest = after === undefined ? tx`` : tx`and (created_at, id) < (${after[0]}, ${after[1]})`;
  const rows = await tx`select * from ${place(tx, table)} where ${visible(tx, view)}
    ${wanted.length === 0 ? tx`` : wanted} ${due} ${rest} order by created_at desc, id desc limit ${page.limit + 1}`;
  const found = rows.map((row) => fromCells(table, row));
  const item = (row: AnyRow) => row as unknown as RecordRow<Table>;
  return pageOf(found, page, item, (row) => [String(row["created_at"]), row.id]);
}

/** What a write makes of a row; undefined for a row that is deleted. Throws `record.contended`. */
export async function writeRow(
  tx: Transaction,
  view: RecordView,
  write: RowWrite,
  atMs: number,
): Promise<{ before: AnyRow | undefined; after: AnyRow | undefined }> {
  const now = rfc3339(atMs);
  if (write.kind === "insert") {
    const owner = { tenant_id: view.tenantId, data_classification: view.dataClassification };
    const after = { ...write.row, ...owner, version: 1, created_at: now, updated_at: now };
    await putRow(tx, write.table, after);
    return { before: undefined, after };
  }
  const before = await findRow(tx, view, write.table, write.id, true);
  if (before === undefined || before.version !== write.expectedVersion) throw rowContended(write.table, write.id);
  if (write.kind === "delete") {
    await removeRow(tx, write.table, write.id);
    return { before, after: undefined };
  }
  const after = { ...before, ...write.set, version: before.version + 1, updated_at: now };
  await replaceRow(tx, write.table, after);
  return { before, after };
}

export async function putRow(tx: Transaction, table: RecordTable, row: AnyRow): Promise<void> {
  await unlessDuplicate(table, row.id, tx`insert into ${place(tx, table)} ${tx(toCells(tx, table, row))}`);
}

export async function replaceRow(tx: Transaction, table: RecordTable, row: AnyRow): Promise<void> {
  const { id: _, ...cells } = toCells(tx, table, row);
  await unlessDuplicate(table, row.id, tx`update ${place(tx, table)} set ${tx(cells)} where id = ${row.id}`);
}

export async function removeRow(tx: Transaction, table: RecordTable, id: string): Promise<void> {
  await tx`delete from ${place(tx, table)} where id = ${id}`;
}

async function unlessDuplicate(table: RecordTable, id: string, writing: PromiseLike<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    throw codeOf(error) === "23505" ? rowContended(table, id) : error;
  }
}

/** A view's share of a table; row-level security would show no more in any case. */
function visible(tx: Transaction, { dataClassification, tenantId }: RecordView) {
  return dataClassification === "platform"
    ? tx`data_classification = 'platform'`
    : tx`data_classification = 'client' and tenant_id = ${tenantId}`;
}

function place(tx: Transaction, table: RecordTable) {
  return tx(`symphainy.${table}`);
}

function fitsIds(table: RecordTable, id: string): boolean {
  return table !== "parsed_data_files" || UUID.test(id);
}

function toCells(tx: Transaction, table: RecordTable, row: AnyRow): Record<string, never> & { id: string } {
  const cells = Object.entries(RECORD_TABLES[table]).map(([column, type]) => {
    const value = row[column] ?? null;
    return [column, type.startsWith("json") && value !== null ? tx.json(value as never) : value];
  });
  return Object.fromEntries(cells) as Record<string, never> & { id: string };
}

/** Times as RFC 3339 and whole numbers as numbers: the client gives dates, and bigints as text. */
function fromCells(table: RecordTable, cells: Readonly<Record<string, unknown>>): AnyRow {
  const types: Readonly<Record<string, string>> = RECORD_TABLES[table];
  const entries = Object.entries(cells).map(([column, value]) => [column, fromCell(types[column] ?? "text", value)]);
  return Object.fromEntries(entries) as AnyRow;
}

function fromCell(type: string, value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  return type.startsWith("integer") && value !== null ? Number(value) : value;
}
