import type { DatabaseSync } from "node:sqlite";

import { type DataOwner, scopeOf } from "../../../shared/data-classification.ts";
import { effectRefused } from "../../../shared/errors.ts";
import { checkWrites, placeOf, stateOf, withoutEffect, withState } from "../../../shared/ports/graph-states.ts";
import type { GraphEffect, GraphOutcome, GraphStore, GraphWrite } from "../../../shared/ports/graph-store.ts";
import { inTransaction } from "./graph-database.ts";
import { createGraphRows, type Spot } from "./graph-rows.ts";
import type { Statements } from "./statements.ts";

/** The part that stands for the whole key: its row is the tombstone. */
const TOMBSTONE = "";

/** Writes and their undo, each one transaction (GS1 to GS3). */
export function createGraphEffects(
  db: DatabaseSync,
  sql: Statements,
): Pick<GraphStore, "write" | "undo" | "dropTombstones"> {
  const rows = createGraphRows(sql);
  const find = "SELECT state FROM effects WHERE tenant_id = ? AND effect = ? AND part = ?";
  const keep = "INSERT INTO effects (tenant_id, effect, part, state, touched) VALUES (?, ?, ?, ?, ?)";

  const nextRevision = (): number =>
    Number(sql("UPDATE revisions SET latest = latest + 1 RETURNING latest").get()?.["latest"]);

  /** The first write whose document is not as its writer saw it. */
  const conflictOf = (place: string, writes: readonly GraphWrite[]): GraphOutcome | undefined => {
    for (const write of writes) {
      if (write.kind === "remove" || write.kind === "embed" || write.expected === undefined) continue;
      const wanted = write.expected === "absent" ? undefined : write.expected.revision;
      if (rows.read({ collection: write.collection, place, key: write.key })?.revision === wanted) continue;
      return { outcome: "conflict", collection: write.collection, key: write.key };
    }
    return undefined;
  };

  const apply = (owner: DataOwner, { key, part }: GraphEffect, writes: readonly GraphWrite[]): GraphOutcome => {
    if (sql(find).get(owner.tenantId, key, TOMBSTONE) !== undefined) throw effectRefused(key);
    if (sql(find).get(owner.tenantId, key, part) !== undefined) return { outcome: "applied_before" };
    const place = placeOf(scopeOf(owner));
    const conflict = conflictOf(place, writes);
    if (conflict !== undefined) return conflict;
    const revision = nextRevision();
    const touched: Spot[] = [];
    for (const write of writes) {
      const collection = write.kind === "embed" ? "structured_embeddings" : write.collection;
      const spot: Spot = { collection, place, key: write.key };
      const next = stateOf(write, key);
      if (next === undefined) {
        rows.remove(spot);
        continue;
      }
      rows.write(spot, withState(rows.read(spot)?.states, next), owner, revision);
      touched.push(spot);
    }
    sql(keep).run(owner.tenantId, key, part, "applied", JSON.stringify(touched));
    return { outcome: "applied" };
  };

  return {
    write: async (owner, effect, writes) => {
      checkWrites(effect, writes);
      return Promise.resolve(inTransaction(db, () => apply(owner, effect, writes)));
    },

    undo: async (tenantId, effectKey, atMs) =>
      Promise.resolve(
        inTransaction(db, () => {
          const buried = sql(find).get(tenantId, effectKey, TOMBSTONE);
          if (buried !== undefined) return buried["state"] as "undone" | "buried";
          const parts = sql("DELETE FROM effects WHERE tenant_id = ? AND effect = ? RETURNING touched").all(
            tenantId,
            effectKey,
          );
          const revision = nextRevision();
          for (const spot of parts.flatMap(({ touched }) => JSON.parse(String(touched)) as Spot[])) {
            const found = rows.read(spot);
            if (found === undefined) continue;
            const left = withoutEffect(found.states, effectKey);
            if (left === undefined) rows.remove(spot);
            else if (left.length < found.states.length) rows.write(spot, left, found.owner, revision);
          }
          const state = parts.length === 0 ? "buried" : "undone";
          sql(keep).run(tenantId, effectKey, TOMBSTONE, state, "[]");
          sql("INSERT INTO tombstones (tenant_id, at_ms, effect) VALUES (?, ?, ?)").run(tenantId, atMs, effectKey);
          return state;
        }),
      ),

    dropTombstones: async (tenantId, { beforeMs, limit }) =>
      Promise.resolve(
        inTransaction(db, () => {
          const old = sql(
            "SELECT at_ms, effect FROM tombstones WHERE tenant_id = ? AND at_ms < ? ORDER BY at_ms LIMIT ?",
          );
          const found = old.all(tenantId, beforeMs, limit);
          for (const { at_ms: atMs = null, effect = null } of found) {
            sql("DELETE FROM effects WHERE tenant_id = ? AND effect = ? AND part = ?").run(tenantId, effect, TOMBSTONE);
            sql("DELETE FROM tombstones WHERE tenant_id = ? AND at_ms = ? AND effect = ?").run(tenantId, atMs, effect);
          }
          return found.length;
        }),
      ),
  };
}
