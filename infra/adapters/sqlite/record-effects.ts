import type { DatabaseSync } from "node:sqlite";

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
import type { AnyRow, createRecordRows } from "./record-rows.ts";

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
    return row && { state: String(row["state"]), parts: JSON.parse(String(row["parts"])) as Part[] };
  };
  const save = (view: RecordView, key: string, state: "open" | "undone", parts: readonly Part[], atMs: number): void =>
    void put.run(view.tenantId, view.dataClassification, key, state, JSON.stringify(parts), atMs);

  const drop = db.prepare(
    `DELETE FROM record_effects WHERE (tenant_id, data_classification, effect_key) IN
      (SELECT tenant_id, data_classification, effect_key FROM record_effects
       WHERE tenant_id = ? AND data_classification = ? AND state = 'undone' AND updated_ms < ? LIMIT ?)`,
  );

  /** `versions` says at which version this undo itself has left a row; null for one that is gone. */
  const putBack = (
    view: RecordView,
    { table, id, before, version }: Written,
    versions: Map<string, number | null>,
  ): void => {
    const place = `${table}/${id}`;
    const expected = versions.has(place) ? (versions.get(place) ?? null) : version;
    const current = rows.find(view, table, id);
    // Somebody else deleted what was inserted: there is nothing of it to take back.
    if (before === null && current === undefined) return;
    if ((current?.version ?? null) !== expected) throw effectOverwritten(table, id);
    versions.set(place, before === null ? null : (expected ?? before.version) + 1);
    if (before === null) return rows.remove(table, id);
    // The version goes on: who read the row between effect and undo must find it changed.
    const restored = { ...before, version: (expected ?? before.version) + 1 };
    return current === undefined ? rows.put(table, restored) : rows.replace(table, restored);
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
      const written = writes.map((write): Written => {
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
        const versions = new Map<string, number | null>();
        for (const write of done.flatMap(({ writes }) => writes).toReversed()) putBack(view, write, versions);
        // What was undone is not needed any more, and may be what somebody wants forgotten; that there were parts is.
        save(
          view,
          key,
          "undone",
          done.map(({ part }) => ({ part, result: {}, writes: [] })),
          atMs,
        );
      }
      return done.length > 0 ? "undone" : "buried";
    },

    dropTombstones: (
      { tenantId, dataClassification }: RecordView,
      { beforeMs, limit }: { readonly beforeMs: number; readonly limit: number },
    ): number => Number(drop.run(tenantId, dataClassification, beforeMs, limit).changes),
  };
}
