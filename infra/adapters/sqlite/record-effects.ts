import type { DatabaseSync } from "node:sqlite";

import { effectRefused } from "../../../shared/errors.ts";
import {
  type EffectPart,
  EffectUndoing,
  type EffectWrite,
  emptied,
  writesToTakeBack,
} from "../../../shared/ports/record-effects.ts";
import type { AppliedEffect, RecordEffect, RecordView, RowWrite } from "../../../shared/ports/record-store.ts";
import type { createRecordRows } from "./record-rows.ts";

/** Effects with what they replaced, in the transaction of their writes (R2-R5); each function runs inside the caller's. */
export function createRecordEffects(db: DatabaseSync, rows: ReturnType<typeof createRecordRows>) {
  const find = db.prepare(
    "SELECT state, parts FROM record_effects WHERE tenant_id = ? AND data_classification = ? AND effect_key = ?",
  );
  const put = db.prepare(
    `INSERT INTO record_effects (tenant_id, data_classification, effect_key, state, parts, updated_ms) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET state = excluded.state, parts = excluded.parts, updated_ms = excluded.updated_ms`,
  );
  const read = ({ tenantId, dataClassification }: RecordView, key: string) => {
    const row = find.get(tenantId, dataClassification, key);
    return row && { state: String(row["state"]), parts: JSON.parse(String(row["parts"])) as EffectPart[] };
  };
  const save = (
    view: RecordView,
    key: string,
    state: "open" | "undone",
    parts: readonly EffectPart[],
    atMs: number,
  ): void => void put.run(view.tenantId, view.dataClassification, key, state, JSON.stringify(parts), atMs);

  const drop = db.prepare(
    `DELETE FROM record_effects WHERE (tenant_id, data_classification, effect_key) IN
      (SELECT tenant_id, data_classification, effect_key FROM record_effects
       WHERE tenant_id = ? AND data_classification = ? AND state = 'undone' AND updated_ms < ? LIMIT ?)`,
  );

  const takeBack = (view: RecordView, write: EffectWrite, undoing: EffectUndoing): void => {
    const { table, id } = write;
    const back = undoing.takeBack(write, rows.find(view, table, id));
    switch (back.kind) {
      case "nothing":
        return;
      case "remove":
        return rows.remove(table, id);
      case "put":
        return rows.put(table, back.row);
      case "replace":
        return rows.replace(table, back.row);
    }
  };

  return {
    apply: (
      view: RecordView,
      { key, part, atMs, result }: RecordEffect,
      writes: readonly RowWrite[],
    ): AppliedEffect => {
      const known = read(view, key);
      if (known?.state === "undone") throw effectRefused(key);
      const before = known?.parts.find((each) => each.part === part);
      if (before !== undefined) return { outcome: "applied_before", result: before.result };
      const written = writes.map((write): EffectWrite => {
        const { before: old, after } = rows.write(view, write, atMs);
        const id = write.kind === "insert" ? write.row.id : write.id;
        return { table: write.table, id, before: old ?? null, version: after?.version ?? null };
      });
      save(view, key, "open", [...(known?.parts ?? []), { part, result, writes: written }], atMs);
      return { outcome: "applied", result };
    },

    undo: (view: RecordView, key: string, atMs: number): "undone" | "buried" => {
      const known = read(view, key);
      const done = known?.parts ?? [];
      if (known?.state !== "undone") {
        const undoing = new EffectUndoing();
        for (const write of writesToTakeBack(done)) takeBack(view, write, undoing);
        save(view, key, "undone", emptied(done), atMs);
      }
      return done.length > 0 ? "undone" : "buried";
    },

    dropTombstones: (
      { tenantId, dataClassification }: RecordView,
      { beforeMs, limit }: { readonly beforeMs: number; readonly limit: number },
    ): number => Number(drop.run(tenantId, dataClassification, beforeMs, limit).changes),
  };
}
