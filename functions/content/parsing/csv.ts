import { CsvError, parse as createCsvStream } from "csv-parse";
import type { Parser } from "csv-parse";

import type { RuntimeError } from "../../../shared/errors.ts";
import type { JsonObject } from "../../../shared/json.ts";
import { defaultColumnName, nameColumns, rowOf } from "./columns.ts";
import { SAMPLE_CHARS, sniffDelimiter } from "./delimiter.ts";
import { excerpt, malformed, recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS, PIECE_CHARS, requireRows } from "./parser.ts";
import type { FileFormat, ParseEvents, ParseOptions, Row } from "./parser.ts";
import { decodeText } from "./text.ts";

const csvOptions = ["delimiter", "has_header", "encoding"] as const;

/** How Excel lets a file say what parts its fields: a first line of its own. */
const SAID_DELIMITER = /^sep=([^"\r\n])(?:\r\n|\n|\r)/i;

/** Delimited text, RFC 4180 with any of LF, CRLF and CR: values stay text, blank lines are passed over, ragged rows refused. */
export const csvFormat: FileFormat<"csv"> = {
  format: "csv",
  names: ["csv"],
  mimeTypes: ["text/csv", "application/csv", "text/x-csv"],
  extensions: ["csv"],
  options: csvOptions,
  valuesAreText: true,
  hasColumns: () => true,
  parse: (source, options, events) => requireRows("csv", readCsv(source, options, events)),
};

/** CSV whose delimiter is a tab, by what its name says rather than by a guess. */
export const tsvFormat: FileFormat<"csv"> = {
  ...csvFormat,
  names: ["tsv"],
  mimeTypes: ["text/tab-separated-values"],
  extensions: ["tsv", "tab"],
  parse: (source, options, events) => csvFormat.parse(source, { delimiter: "\t", ...options }, events),
};

async function* readCsv(
  source: AsyncIterable<Uint8Array>,
  options: ParseOptions,
  events?: ParseEvents,
): AsyncGenerator<Row, void> {
  const text = decodeText(source, options.encoding);
  try {
    const sample = await takeSample(text);
    const [saying = "", said] = SAID_DELIMITER.exec(sample.text) ?? [];
    const start = sample.text.slice(saying.length);
    const delimiter = options.delimiter ?? said ?? sniffDelimiter(start.slice(0, SAMPLE_CHARS), sample.complete);
    let names: readonly string[] | undefined;
    for await (const record of records(start, text, delimiter, saying === "" ? 1 : 2)) {
      if (names === undefined) {
        const hasHeader = options.has_header ?? true;
        names = hasHeader
          ? nameColumns(record, events)
          : nameColumns(record.map((_, index) => defaultColumnName(index)));
        events?.onColumns?.(names);
        if (hasHeader) continue;
      }
      yield rowOf(names, record);
    }
  } finally {
    await text.return();
  }
}

/** The start of the file, to guess by; it is the caller's to read again. */
async function takeSample(text: AsyncGenerator<string, void>): Promise<{ text: string; complete: boolean }> {
  let sample = "";
  while (sample.length <= SAMPLE_CHARS) {
    const next = await text.next();
    if (next.done === true) return { text: sample, complete: true };
    sample += next.value;
  }
  return { text: sample, complete: false };
}

/** The records of a text. The rows go around the stream's read side, so that nothing is read ahead of the consumer. */
async function* records(
  sample: string,
  rest: AsyncIterable<string>,
  delimiter: string,
  firstLine: number,
): AsyncGenerator<readonly string[], void> {
  const lines = new LineCount(firstLine);
  const ready: string[][] = [];
  const parser = createCsvStream({
    columns: false,
    delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_CHARS,
    on_record: (record: string[], { lines: counted, empty_lines: blank }) => {
      lines.recordEnded(record, counted, blank);
      ready.push(record);
      return null;
    },
  });
  // Every failure also comes back from write() and end().
  parser.on("error", () => undefined);
  try {
    for await (const piece of whileRecordsEnd(sample, rest, { parser, delimiter, lines })) {
      const failure = await new Promise((resolve) => {
        parser.write(piece, resolve);
      });
      yield* ready.splice(0);
      if (failure instanceof Error) throw failure;
    }
    const failure = await new Promise((resolve) => {
      parser.end(resolve);
    });
    yield* ready.splice(0);
    if (failure instanceof Error) throw failure;
  } catch (error) {
    throw error instanceof CsvError ? csvFault(error, lines, parser.info.empty_lines) : error;
  } finally {
    parser.destroy();
  }
}

/** The text, until no record has ended for too long: csv-parse bounds the text of a record but not the number of its fields. */
async function* whileRecordsEnd(
  sample: string,
  rest: AsyncIterable<string>,
  { parser, delimiter, lines }: { readonly parser: Parser; readonly delimiter: string; readonly lines: LineCount },
): AsyncGenerator<string, void> {
  if (sample !== "") yield sample;
  let ended = 0;
  let charsSinceEnd = 0;
  for await (const piece of rest) {
    const nowEnded = parser.info.records + parser.info.empty_lines;
    charsSinceEnd = nowEnded === ended ? charsSinceEnd + charsOf(piece, delimiter) : 0;
    ended = nowEnded;
    if (charsSinceEnd > MAX_RECORD_CHARS)
      throw recordTooLarge("csv", MAX_RECORD_CHARS, { line: lines.startOfRecord(parser.info.empty_lines) });
    if (piece !== "") yield piece;
  }
}

/** With what the fields cost of which there may be as many as delimiters. */
function charsOf(piece: string, delimiter: string): number {
  return piece.length + (piece.split(delimiter).length - 1) * PIECE_CHARS;
}

/** Line numbers as an editor shows them: csv-parse counts CRLF inside quotes as two lines. */
class LineCount {
  /** Lines before what csv-parse sees. */
  readonly #before: number;
  #countedTwice = 0;
  #lineAfterLast: number;
  #blankUntilLast = 0;

  constructor(firstLine: number) {
    this.#before = firstLine - 1;
    this.#lineAfterLast = firstLine;
  }

  recordEnded(record: readonly string[], countedLines: number, blankLines: number): void {
    this.#countedTwice += quotedCrLf(record);
    this.#lineAfterLast = this.#before + countedLines - this.#countedTwice + 1;
    this.#blankUntilLast = blankLines;
  }

  /** The line on which the record begins that is being read. */
  startOfRecord(blankLines: number): number {
    return this.#lineAfterLast + blankLines - this.#blankUntilLast;
  }

  /** The line that csv-parse counts as `countedLines`; `record` is as much of the record there as is known. */
  at(countedLines: number, record: readonly string[]): number {
    return this.#before + countedLines - this.#countedTwice - quotedCrLf(record);
  }
}

function quotedCrLf(record: readonly string[]): number {
  let count = 0;
  for (const field of record) {
    if (field.includes("\r\n")) count += field.split("\r\n").length - 1;
  }
  return count;
}

function csvFault(error: CsvError, lines: LineCount, blankLines: number): RuntimeError {
  const start = lines.startOfRecord(blankLines);
  const record = Array.isArray(error["record"]) ? error["record"].filter((field) => typeof field === "string") : [];
  const line = lines.at(Number(error["lines"]), record);
  const column = Number(error["column"]) + 1;
  const fault = (message: string, place: JsonObject): RuntimeError => malformed("csv", message, place, error);
  switch (error.code) {
    case "CSV_MAX_RECORD_SIZE":
      return recordTooLarge("csv", MAX_RECORD_CHARS, { line: start });
    case "CSV_QUOTE_NOT_CLOSED":
      return fault(
        `A quote that opens in column ${column} of the record that starts at line ${start} is never closed.`,
        { line: start, column },
      );
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH": {
      const expected = /expect (\d+)/.exec(error.message)?.[1];
      return fault(
        `Line ${line} has ${record.length === 1 ? "1 field" : `${record.length} fields`} where the first row has ${expected ?? "another number"}.`,
        {
          line,
          column: record.length,
          fields: record.length,
          ...(expected === undefined ? {} : { expected_fields: Number(expected) }),
        },
      );
    }
    case "CSV_INVALID_CLOSING_QUOTE":
      return fault(
        `Line ${line}, column ${column}: text follows a closing quote. A quote inside a field is written "".`,
        {
          line,
          column,
        },
      );
    case "INVALID_OPENING_QUOTE":
      return fault(
        `Line ${line}, column ${column}: a quote stands inside a field that does not begin with one${fieldSoFar(error["field"])}.`,
        { line, column },
      );
    default:
      return fault(`Line ${line}, column ${column}: the text is not valid CSV.`, { line, column });
  }
}

function fieldSoFar(field: unknown): string {
  return typeof field === "string" ? ` (${excerpt(field)})` : "";
}
