import { RuntimeError } from "../../../shared/errors.ts";
import type { JsonValue } from "../../../shared/json.ts";
import type { ParseEvents, Row } from "../parsing/parser.ts";
import { contentFault } from "../parsing/faults.ts";
import type { ColumnProfile } from "../parsing/column-profile.ts";
import { createColumnProfiler } from "../parsing/column-profile.ts";
import { type ColumnKind, commonKind, kindOf } from "./column-kind.ts";
import { ParquetFile } from "./parquet-file.ts";

/** From so many rows the kinds of the columns are guessed, before anything is written. */
const SAMPLE_ROWS = 1_000;
const SAMPLE_CELLS = 200_000;
const SAMPLE_CHARS = 4 * 1024 * 1024;

/** Parses a file once, from its start. */
export type ReadRows = (events: Pick<ParseEvents, "onColumns">) => AsyncIterable<Row>;

/** A later row was of another kind than the first ones; `kinds` are right for all of them. */
export class GuessFailed extends RuntimeError {
  readonly kinds: ReadonlyMap<string, ColumnKind>;

  constructor(kinds: ReadonlyMap<string, ColumnKind>) {
    super("content.types_widened", "The types of the first rows do not hold for all rows; read the file again.");
    this.kinds = kinds;
  }
}

/**
 * Rows as a Parquet file, in memory that does not grow with their number; their profile comes at the end. Without `kinds` those of the
 * first rows are assumed. As soon as a row does not fit, nothing more is given and the rest is only looked at, to throw
 * `GuessFailed` with the kinds for which another reading encodes every row.
 */
export async function* encodeRows(
  read: ReadRows,
  options: {
    readonly valuesAreText: boolean;
    readonly kinds?: ReadonlyMap<string, ColumnKind> | undefined;
    readonly signal: AbortSignal;
    readonly onProfile: (profile: ColumnProfile) => void;
  },
): AsyncGenerator<Uint8Array, void> {
  const { valuesAreText, signal } = options;
  const profiler = createColumnProfiler({ valuesAreText });
  const kinds = new Map<string, ColumnKind>(options.kinds);
  let file = options.kinds === undefined ? undefined : new ParquetFile(kinds, valuesAreText);
  let failed = false;
  let sample: Row[] = [];
  let sampleCells = 0;
  let sampleChars = 0;

  /** Whether the row has what the kinds so far do not hold. */
  const widen = (row: Row): boolean => {
    let widened = false;
    for (const name of Object.keys(row)) {
      const known = kinds.get(name);
      const kind = commonKind(known ?? "null", kindOf(row[name], valuesAreText), valuesAreText);
      if (kind === known) continue;
      kinds.set(name, kind);
      widened = true;
    }
    return widened;
  };
  const begin = function* (): Generator<Uint8Array, void> {
    file = new ParquetFile(kinds, valuesAreText);
    for (const row of sample) {
      const bytes = file.add(row);
      if (bytes !== undefined) yield bytes;
    }
    sample = [];
  };

  const declare = (names: readonly string[]): void => {
    profiler.declare(names);
    for (const name of names) if (!kinds.has(name)) kinds.set(name, "null");
  };
  for await (const row of read({ onColumns: declare })) {
    signal.throwIfAborted();
    profiler.add(row);
    if (options.kinds === undefined && widen(row) && file !== undefined) failed = true;
    if (failed) continue;
    if (file === undefined) {
      sample.push(row);
      sampleCells += kinds.size;
      sampleChars += charsOf(row);
      if (sample.length < SAMPLE_ROWS && sampleCells < SAMPLE_CELLS && sampleChars < SAMPLE_CHARS) continue;
      yield* begin();
    } else {
      const bytes = file.add(row);
      if (bytes !== undefined) yield bytes;
    }
  }
  if (failed) throw new GuessFailed(kinds);
  // A Parquet file of no columns has no rows either.
  if (kinds.size === 0) throw contentFault("empty_file", "No record of the file has a value, or a name for one.");
  if (file === undefined) yield* begin();
  if (file !== undefined) yield file.end();
  options.onProfile(profiler.profile());
}

/** About what a row costs to hold. */
function charsOf(row: Row): number {
  return Object.values(row).reduce<number>(
    (sum, value) => sum + (typeof value === "string" ? value.length : sizeOf(value)),
    0,
  );
}

/** Of a value with others in it, as the text that it came from. */
function sizeOf(value: JsonValue | undefined): number {
  return typeof value === "object" && value !== null ? JSON.stringify(value).length : 0;
}
