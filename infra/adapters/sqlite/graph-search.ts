import { setImmediate } from "node:timers/promises";

import { placeOf } from "../../../shared/ports/graph-states.ts";
import { type GraphStore, MAX_COMPARED } from "../../../shared/ports/graph-store.ts";
import { onDatabase } from "./graph-database.ts";
import { columnsOf, documentOf } from "./graph-rows.ts";
import type { Statements } from "./statements.ts";

interface Candidate {
  readonly key: string;
  readonly score: number;
}

/** So many are compared before other work of the process has its turn. */
const COMPARED_AT_ONCE = 2_000;

/** Nearest embeddings by comparing each: exact, and linear in what the filter leaves. */
export function createGraphSearch(sql: Statements): Pick<GraphStore, "nearest"> {
  return {
    nearest: async (scope, { vector, embeddingModel, embeddingKind, fileId, limit }) => {
      const place = placeOf(scope);
      const filters = [
        ["model = ?", embeddingModel],
        ["kind = ?", embeddingKind],
        ["file_id = ?", fileId],
      ].filter((filter): filter is [string, string] => filter[1] !== undefined);
      const where = filters.map(([clause]) => ` AND ${clause}`).join("");
      const values = filters.map(([, value]) => value);
      const select = `SELECT key, vector FROM vectors WHERE place = ?${where} AND key > ? ORDER BY key LIMIT ?`;
      const wanted = { vector, length: lengthOf(vector) };
      const best: Candidate[] = [];
      let compared = 0;
      let after = "";
      for (;;) {
        const rows = onDatabase(() => sql(select).all(place, ...values, after, COMPARED_AT_ONCE));
        for (const row of rows) {
          after = String(row["key"]);
          keepBest(best, { key: after, score: cosine(wanted, row["vector"] as Uint8Array) }, limit);
        }
        compared += rows.length;
        const isLast = rows.length < COMPARED_AT_ONCE;
        if (isLast || compared >= MAX_COMPARED) return onDatabase(() => result(place, best, compared, isLast));
        await setImmediate();
      }
    },
  };

  function result(place: string, best: readonly Candidate[], compared: number, complete: boolean) {
    const columns = columnsOf("structured_embeddings");
    const find = sql(`SELECT ${columns} FROM structured_embeddings WHERE place = ? AND key = ?`);
    const matches = best.flatMap(({ key, score }) => {
      // It may have been removed since it was compared.
      const row = find.get(place, key);
      return row === undefined ? [] : [{ score, document: documentOf(row) }];
    });
    return { matches, compared, complete };
  }
}

/** Keeps `best` sorted and no longer than `limit`. */
function keepBest(best: Candidate[], candidate: Candidate, limit: number): void {
  const last = best.at(-1);
  if (best.length === limit && last !== undefined && !isBefore(candidate, last)) return;
  let place = best.length;
  while (place > 0 && isBefore(candidate, best[place - 1] as Candidate)) place -= 1;
  best.splice(place, 0, candidate);
  if (best.length > limit) best.pop();
}

function isBefore(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.key < b.key);
}

/** 0 for a vector of zeros, and for one of another length. */
function cosine(wanted: { readonly vector: Float32Array; readonly length: number }, bytes: Uint8Array): number {
  const { vector } = wanted;
  if (bytes.byteLength !== vector.byteLength) return 0;
  const other = floats(bytes);
  let dot = 0;
  let squares = 0;
  for (let i = 0; i < vector.length; i += 1) {
    const b = other[i] as number;
    dot += (vector[i] as number) * b;
    squares += b * b;
  }
  const lengths = wanted.length * Math.sqrt(squares);
  return lengths === 0 ? 0 : dot / lengths;
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

/** Bytes as floats, copied only where they are not aligned. */
function floats(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
