import type * as z from "zod";

import type { JsonObject } from "../../../shared/json.ts";
import { emptyFile } from "./faults.ts";
import type { parseOptionsSchema } from "./parse-options.ts";

/** The longest record, in UTF-16 units, that any format may hold: what one row can cost in memory. */
export const MAX_RECORD_CHARS: number = 16 * 1024 * 1024;
/** What a piece of a record counts besides its characters: a million empty ones cost more than as many letters. */
export const PIECE_CHARS = 16;

/** One record of a file: column name to JSON value. `__proto__` is a column like any other, always an own property. */
export type Row = JsonObject;

export type ParseOptions = z.infer<typeof parseOptionsSchema>;
export type TextEncoding = NonNullable<ParseOptions["encoding"]>;

/** Something that a parser changed or passed over, which the person who sent the file may want to know. */
export interface ParseNote {
  readonly code: string;
  readonly message: string;
  readonly details: JsonObject;
}

/** What a parser tells besides the rows, and what it heeds. */
export interface ParseEvents {
  /** Ends the reading, also where it works for long between two rows. */
  readonly signal?: AbortSignal | undefined;
  /** Whose file it is: what is read in turns is read so that no tenant keeps others from theirs. */
  readonly tenantId?: string | undefined;
  /** How long the file is, so that it is known before it is fetched; default as long as the format takes. */
  readonly sizeBytes?: number | undefined;
  /** The columns in file order, once, before the first row: an object lists number-like names first, so rows cannot say it. */
  readonly onColumns?: (names: readonly string[]) => void;
  readonly onNote?: (note: ParseNote) => void;
}

/**
 * Reads a file as a stream of rows, with memory bounded by the format's limits and not by the file.
 * Throws RuntimeError of status 422 only; `content.empty_file` when there is no row. Stopping early releases the source.
 */
export type Parse = (
  source: AsyncIterable<Uint8Array>,
  options: ParseOptions,
  events?: ParseEvents,
) => AsyncIterable<Row>;

/** A file format: how to recognise it, which options it takes, and its parser. */
export interface FileFormat<Name extends string = string> {
  readonly format: Name;
  /** What a caller may call it, lower case, besides its MIME types. */
  readonly names: readonly string[];
  readonly mimeTypes: readonly string[];
  readonly extensions: readonly string[];
  readonly options: readonly (keyof ParseOptions)[];
  /** True when every value is text whose type is still to be inferred, as in CSV. */
  readonly valuesAreText: boolean;
  /** Whether its rows have columns of their own; else they are the blocks of a document (document-block.ts). */
  readonly hasColumns: (options: ParseOptions) => boolean;
  readonly parse: Parse;
}

/** The same rows, or `content.empty_file` when there are none. */
export async function* requireRows(format: string, rows: AsyncIterable<Row>): AsyncGenerator<Row, void> {
  let any = false;
  for await (const row of rows) {
    any = true;
    yield row;
  }
  if (!any) throw emptyFile(format);
}
