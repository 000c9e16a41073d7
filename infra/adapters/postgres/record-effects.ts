import { rfc3339 } from "../../../shared/clock.ts";
import type { JsonObject } from "../../../shared/json.ts";
import {
  type AppliedEffect,
  effectOverwritten,
  effectRefused,
  type RecordEffect,
  type RecordView,
  type RowWrite,
} from "../../../shared/ports/record-store.ts";
import type { RecordTable } from "../../../shared/ports/record-tables.ts";
import type { Transaction } from "./connection.ts";
import { type AnyRow, findRow, putRow, removeRow, replaceRow, writeRow } from "./record-rows.ts";

interface Written {
  readonly table: RecordTable;
  readonly id: string;
  readonly before: AnyRow | null;
  /** What the row was left at; null for one that was deleted. */
  readonly version: number | null;
}
interface Part {
  readonly part: string;
  readonly result: JsonObject;
  readonly writes: readonly Written[];
}

/** The effect, with what it replaced, in the transaction of its writes (R2-R5). */
export async function applyEffect(
  tx: Transaction,
  view: RecordView,
  { key, part, atMs, result }: RecordEffect,
  writes: readonly RowWrite[],
): Promise<AppliedEffect> {
  const known = await hold(tx, view, key, atMs);
  if (known.state === "undone") throw effectRefused(key);
  const before = known.parts.find((each) => each.part === part);
  if (before !== undefined) return { outcome: "applied_before", result: before.result };
  const written: Written[] = [];
  for (const write of writes) {
    const { before: old, after } = await writeRow(tx, view, write, atMs);
    const id = write.kind === "insert" ? write.row.id : write.id;
    written.push({ table: write.table, id, before: old ?? null, version: after?.version ?? null });
  }
  await save(tx, view, { key, atMs }, "open", [...known.parts, { part, result, writes: written }]);
  return { outcome: "applied", result };
}

export async function undoEffect(
  tx: Transaction,
  view: RecordView,
  key: string,
  atMs: number,
): Promise<"undone" | "buried"> {
  const { state, parts } = await hold(tx, view, key, atMs);
  if (state !== "undone") {
    const versions = new Map<string, number | null>();
    for (const write of parts.flatMap(({ writes }) => writes).toReversed()) await putBack(tx, view, write, versions);
    // What was undone is not needed any more, and may be what somebody wants forgotten; that there were parts is.
    const names = parts.map(({ part }) => ({ part, result: {}, writes: [] }));
    await save(tx, view, { key, atMs }, "undone", names);
  }
  return parts.length > 0 ? "undone" : "buried";
}

export async function dropTombstones(
  tx: Transaction,
  { tenantId, dataClassification }: RecordView,
  { beforeMs, limit }: { readonly beforeMs: number; readonly limit: number },
): Promise<number> {
  const { count } = await tx`delete from symphainy.record_effects
    where tenant_id = ${tenantId} and data_classification = ${dataClassification} and effect_key in (
      select effect_key from symphainy.record_effects
      where tenant_id = ${tenantId} and data_classification = ${dataClassification} and state = 'undone'
        and updated_at < ${rfc3339(beforeMs)} limit ${limit})`;
  return count;
}

/** `versions` says at which version this undo itself has left a row; null for one that is gone. */
async function putBack(
  tx: Transaction,
  view: RecordView,
  { table, id, before, version }: Written,
  versions: Map<string, number | null>,
): Promise<void> {
  const place = `${table}/${id}`;
  const expected = versions.has(place) ? (versions.get(place) ?? null) : version;
  const current = await findRow(tx, view, table, id, true);
  // Somebody else deleted what was inserted: there is nothing of it to take back.
  if (before === null && current === undefined) return;
  if ((current?.version ?? null) !== expected) throw effectOverwritten(table, id);
  versions.set(place, before === null ? null : (expected ?? before.version) + 1);
  if (before === null) return removeRow(tx, table, id);
  // The version goes on: who read the row between effect and undo must find it changed.
  const restored = { ...before, version: (expected ?? before.version) + 1 };
  return current === undefined ? putRow(tx, table, restored) : replaceRow(tx, table, restored);
}

/** The effect's row, made if it is not there, and locked: whoever else is at the same key waits. */
async function hold(tx: Transaction, { tenantId, dataClassification }: RecordView, key: string, atMs: number) {
  const [row] = await tx<{ state: string; parts: readonly Part[] }[]>`
    insert into symphainy.record_effects as known (tenant_id, data_classification, effect_key, state, parts, updated_at)
    values (${tenantId}, ${dataClassification}, ${key}, 'open', '[]', ${rfc3339(atMs)})
    on conflict (tenant_id, data_classification, effect_key) do update set updated_at = known.updated_at
    returning state, parts`;
  return row ?? { state: "open", parts: [] };
}

async function save(
  tx: Transaction,
  { tenantId, dataClassification }: RecordView,
  { key, atMs }: Pick<RecordEffect, "key" | "atMs">,
  state: "open" | "undone",
  parts: readonly Part[],
): Promise<void> {
  await tx`update symphainy.record_effects
    set state = ${state}, parts = ${tx.json(parts as never)}, updated_at = ${rfc3339(atMs)}
    where tenant_id = ${tenantId} and data_classification = ${dataClassification} and effect_key = ${key}`;
}
