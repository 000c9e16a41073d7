import { placeOf } from "../../../shared/ports/graph-states.ts";
import { type GraphStore, MAX_COMPARED } from "../../../shared/ports/graph-store.ts";
import { onDatabase } from "./graph-database.ts";
import { columnsOf, documentOf } from "./graph-rows.ts";
import type { Statements } from "./statements.ts";

interface Candidate {
  readonly key: string;
  readonly score: number;
}

/** Nearest embeddings by comparing each: exact, and linear in what the filter leaves. */
export function createGraphSearch(sql: Statements): Pick<GraphStore, "nearest"> {
  return {
    nearest: async (scope, { vector, embeddingModel, embeddingKind, fileId, limit }) =>
      Promise.resolve(
        onDatabase(() => {
          const place = placeOf(scope);
          const filters = [
            ["model = ?", embeddingModel],
            ["kind = ?", embeddingKind],
            ["file_id = ?", fileId],
          ].filter((filter): filter is [string, string] => filter[1] !== undefined);
          const where = filters.map(([clause]) => ` AND ${clause}`).join("");
          const select = sql(`SELECT key, vector FROM vectors WHERE place = ?${where} LIMIT ?`);
          const best: Candidate[] = [];
          let compared = 0;
          const values = filters.map(([, value]) => value);
          for (const row of select.iterate(place, ...values, MAX_COMPARED + 1)) {
            if (compared === MAX_COMPARED) return result(place, best, compared, false);
            compared += 1;
            keepBest(best, { key: String(row["key"]), score: cosine(vector, row["vector"] as Uint8Array) }, limit);
          }
          return result(place, best, compared, true);
        }),
      ),
  };

  function result(place: string, best: readonly Candidate[], compared: number, complete: boolean) {
    const columns = columnsOf("structured_embeddings");
    const find = sql(`SELECT ${columns} FROM structured_embeddings WHERE place = ? AND key = ?`);
    const matches = best.map(({ key, score }) => ({ score, document: documentOf(find.get(place, key)) }));
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
function cosine(wanted: Float32Array, bytes: Uint8Array): number {
  if (bytes.byteLength !== wanted.byteLength) return 0;
  const other = floats(bytes);
  let dot = 0;
  let wantedSquares = 0;
  let otherSquares = 0;
  for (let i = 0; i < wanted.length; i += 1) {
    const a = wanted[i] as number;
    const b = other[i] as number;
    dot += a * b;
    wantedSquares += a * a;
    otherSquares += b * b;
  }
  const lengths = Math.sqrt(wantedSquares) * Math.sqrt(otherSquares);
  return lengths === 0 ? 0 : dot / lengths;
}

/** Bytes as floats, copied only where they are not aligned. */
function floats(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
