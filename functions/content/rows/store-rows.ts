import type { Materialization } from "../../../shared/artifacts/artifact.ts";
import type { TenantId } from "../../../shared/ids.ts";
import type { SelectedParser } from "../parsing/detect.ts";
import { type ColumnProfile, createColumnProfiler } from "../parsing/column-profile.ts";
import { TABLE_ROW } from "../parsing/document-block.ts";
import type { ParseNote, ParseOptions, Row } from "../parsing/parser.ts";
import type { ColumnKind } from "./column-kind.ts";
import { encodeRows, GuessFailed } from "./encode-rows.ts";

const CHUNK_CHARS = 64 * 1024;
const MAX_NOTES = 100;

export interface RowsToStore {
  readonly parser: SelectedParser;
  readonly options: ParseOptions;
  /** Begins to read the file; asked a second time when the types of the first rows do not hold for all. */
  readonly open: () => Promise<AsyncIterable<Uint8Array>>;
  readonly sizeBytes: number;
  readonly keep: (
    form: { readonly format: string; readonly contentType: string },
    source: AsyncIterable<Uint8Array>,
  ) => Promise<Materialization>;
  readonly signal: AbortSignal;
  readonly tenantId: TenantId;
}

export interface StoredRows {
  readonly materialization: Materialization;
  readonly profile: ColumnProfile;
  readonly contentType: "structured" | "unstructured" | "hybrid";
  readonly formatType: "parquet" | "json_chunks";
  readonly notes: readonly ParseNote[];
}

/** Parses a file and keeps its rows: as Parquet when they have columns, else one JSON object a line. A file that breaks leaves nothing. */
export async function storeRows(rows: RowsToStore): Promise<StoredRows> {
  return rows.parser.hasColumns(rows.options) ? storeTable(rows) : storeDocument(rows);
}

async function storeTable(rows: RowsToStore, kinds?: ReadonlyMap<string, ColumnKind>): Promise<StoredRows> {
  const { parser, options, open, keep, signal, tenantId, sizeBytes } = rows;
  const notes: ParseNote[] = [];
  let profile: ColumnProfile = { columns: [], record_count: 0 };
  const { valuesAreText } = parser;
  const bytes = encodeRows(
    (events) => parser.parse(opened(open), options, { ...events, signal, tenantId, sizeBytes, onNote: noteIn(notes) }),
    {
      valuesAreText,
      kinds,
      signal,
      onProfile: (found) => {
        profile = found;
      },
    },
  );
  try {
    const materialization = await keep({ format: "parquet", contentType: "application/vnd.apache.parquet" }, bytes);
    return { materialization, profile, contentType: "structured", formatType: "parquet", notes };
  } catch (error) {
    if (!(error instanceof GuessFailed) || kinds !== undefined) throw error;
    return storeTable(rows, error.kinds);
  }
}

async function storeDocument(rows: RowsToStore): Promise<StoredRows> {
  const { parser, options, open, keep, signal, tenantId, sizeBytes } = rows;
  const notes: ParseNote[] = [];
  const profiler = createColumnProfiler({ valuesAreText: false });
  let hasTables = false;
  const look = (row: Row): void => {
    signal.throwIfAborted();
    profiler.add(row);
    hasTables ||= row["kind"] === TABLE_ROW;
  };
  const blocks = parser.parse(opened(open), options, { signal, tenantId, sizeBytes, onNote: noteIn(notes) });
  const form = { format: "jsonl", contentType: "application/x-ndjson" };
  const materialization = await keep(form, jsonLines(blocks, look));
  const contentType = hasTables ? "hybrid" : "unstructured";
  return { materialization, profile: profiler.profile(), contentType, formatType: "json_chunks", notes };
}

/** The bytes of a file that is opened when the first of them are asked for: it may wait for its turn. */
async function* opened(open: RowsToStore["open"]): AsyncGenerator<Uint8Array, void> {
  yield* await open();
}

function noteIn(notes: ParseNote[]): (note: ParseNote) => void {
  return (note) => void (notes.length < MAX_NOTES && notes.push(note));
}

async function* jsonLines(rows: AsyncIterable<Row>, look: (row: Row) => void): AsyncIterable<Uint8Array> {
  let text = "";
  for await (const row of rows) {
    look(row);
    text += `${JSON.stringify(row)}\n`;
    if (text.length >= CHUNK_CHARS) {
      yield Buffer.from(text);
      text = "";
    }
  }
  if (text !== "") yield Buffer.from(text);
}
