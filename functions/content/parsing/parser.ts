import * as z from "zod";

import type { JsonObject } from "../../../shared/json.ts";
import { emptyFile } from "./faults.ts";

/** The longest record, in UTF-16 units, that any format may hold: what one row can cost in memory. */
export const MAX_RECORD_CHARS: number = 16 * 1024 * 1024;

/** One record of a file: column name to JSON value. `__proto__` is a column like any other, always an own property. */
export type Row = JsonObject;

/** How a person tells a parser what the file alone does not say; each format refuses the options that it has no use for. */
export const parseOptionsSchema = z.strictObject({
  delimiter: z
    .string()
    .length(1)
    .refine((character) => !/["\r\n\0]/.test(character), "must not be a quote, a line break or NUL")
    .optional()
    .describe("csv: the character between fields; found among , ; tab | when absent"),
  has_header: z
    .boolean()
    .optional()
    .describe(
      "csv, xlsx, html with table: whether the first row names the columns (default); else they are column_1, column_2 ...",
    ),
  header_row: z
    .int()
    .min(1)
    .max(1_048_576)
    .optional()
    .describe("xlsx: the number of the row that names the columns; default the first row with a value"),
  sheet: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe("xlsx: the name of the sheet to read; default the first visible one"),
  record_path: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe(
      "json: where the records are: dotted (data.items), or a JSON Pointer (/data/items), default the only array; xml: the names from the root to the records (catalog.book), default the elements that repeat",
    ),
  table: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe("html: read the rows of this table, counted from 1, and nothing else"),
  copybook: z
    .string()
    .min(1)
    .max(262_144)
    .optional()
    .describe("fixed_width: the COBOL copybook that describes a record"),
  charset: z
    .enum(["ascii", "cp037"])
    .optional()
    .describe("fixed_width: what the text in the records is, default ascii"),
  records: z
    .enum(["fixed", "lines"])
    .optional()
    .describe("fixed_width: whether records follow each other directly or stand on lines; default lines for ascii"),
  encoding: z
    .enum(["utf-8", "utf-16le", "utf-16be", "windows-1252"])
    .optional()
    .describe(
      "every text format: how the text is encoded, default what an XML or HTML file says of itself, else utf-8; a byte order mark in the file prevails",
    ),
});

export type ParseOptions = z.infer<typeof parseOptionsSchema>;
export type TextEncoding = NonNullable<ParseOptions["encoding"]>;

/** Something that a parser changed or passed over, which the person who sent the file may want to know. */
export interface ParseNote {
  readonly code: string;
  readonly message: string;
  readonly details: JsonObject;
}

/** What a parser tells besides the rows. */
export interface ParseEvents {
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
