import { digestOf, type JsonObject } from "../../../shared/json.ts";
import type { Row } from "../parsing/parser.ts";
import { ColumnPattern } from "./column-pattern.ts";

/** What is counted exactly, over all columns. */
const MAX_EXACT = 1_000_000;
const MAX_EXACT_A_COLUMN = 10_000;

export interface TablePattern {
  /** SHA-256 over the ordered {name in lower case, type, position from 0, nullable} of the columns, as canonical JSON. */
  readonly schemaFingerprint: string;
  readonly patternSignature: readonly JsonObject[];
  readonly recordCount: number;
}

/** Reads all rows once. The same rows give the same pattern, wherever and whenever. */
export async function patternOf(
  rows: AsyncIterable<Row>,
  columnNames: readonly string[],
  signal: AbortSignal,
): Promise<TablePattern> {
  const maxExact = Math.min(MAX_EXACT_A_COLUMN, Math.ceil(MAX_EXACT / Math.max(1, columnNames.length)));
  const columns = new Map(columnNames.map((name) => [name, new ColumnPattern(maxExact)]));
  let total = 0;
  for await (const row of rows) {
    signal.throwIfAborted();
    total += 1;
    for (const [name, value] of Object.entries(row)) {
      let column = columns.get(name);
      if (column === undefined) {
        column = new ColumnPattern(maxExact);
        columns.set(name, column);
      }
      column.add(value ?? null);
    }
  }
  const signature = Array.from(columns, ([name, column]) => column.signature(name, total));
  const schema = Array.from(columns, ([name, column], position) => ({
    name: name.toLowerCase(),
    type: column.type,
    position,
    nullable: Number(signature[position]?.["null"]) > 0,
  }));
  return { schemaFingerprint: digestOf(schema), patternSignature: signature, recordCount: total };
}
