import { rfc3339 } from "../../../shared/clock.ts";
import { effectRefused } from "../../../shared/errors.ts";
import {
  type EffectPart,
  EffectUndoing,
  type EffectWrite,
  emptied,
  writesToTakeBack,
} from "../../../shared/ports/record-effects.ts";
import type { AppliedEffect, RecordEffect, RecordView, RowWrite } from "../../../shared/ports/record-store.ts";
import type { Transaction } from "./connection.ts";
import { findRow, putRow, removeRow, replaceRow, writeRow } from "./record-rows.ts";

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
  const written: EffectWrite[] = [];
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
    const undoing = new EffectUndoing();
    for (const write of writesToTakeBack(parts)) await takeBack(tx, view, write, undoing);
    await save(tx, view, { key, atMs }, "undone", emptied(parts));
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

async function takeBack(tx: Transaction, view: RecordView, write: EffectWrite, undoing: EffectUndoing): Promise<void> {
  const { table, id } = write;
  const back = undoing.takeBack(write, await findRow(tx, view, table, id, true));
  switch (back.kind) {
    case "nothing":
      return;
    case "remove":
      return removeRow(tx, table, id);
    case "put":
      return putRow(tx, table, back.row);
    case "replace":
      return replaceRow(tx, table, back.row);
  }
}

/** The effect's row, made if it is not there, and locked: whoever else is at the same key waits. */
async function hold(tx: Transaction, { tenantId, dataClassification }: RecordView, key: string, atMs: number) {
  const [row] = await tx<{ state: string; parts: readonly EffectPart[] }[]>`
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
  parts: readonly EffectPart[],
): Promise<void> {
  await tx`update symphainy.record_effects
    set state = ${state}, parts = ${tx.json(parts as never)}, updated_at = ${rfc3339(atMs)}
    where tenant_id = ${tenantId} and data_classification = ${dataClassification} and effect_key = ${key}`;
}
