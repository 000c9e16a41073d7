import { malformed, recordTooLarge } from "./faults.ts";
import { asRow, parseJson } from "./json-value.ts";
import { MAX_RECORD_CHARS, requireRows } from "./parser.ts";
import type { FileFormat, ParseOptions, Row } from "./parser.ts";
import { decodeText } from "./text.ts";

/** One JSON value per line; blank lines are passed over, a value that is no object becomes the row {value}. */
export const jsonlFormat: FileFormat<"jsonl"> = {
  format: "jsonl",
  names: ["jsonl", "ndjson"],
  mimeTypes: ["application/jsonl", "application/x-ndjson", "application/x-jsonlines", "application/ndjson"],
  extensions: ["jsonl", "ndjson"],
  options: ["encoding"],
  valuesAreText: false,
  hasColumns: () => true,
  parse: (source, options) => requireRows("jsonl", readJsonl(source, options)),
};

async function* readJsonl(source: AsyncIterable<Uint8Array>, options: ParseOptions): AsyncGenerator<Row, void> {
  let line = 0;
  for await (const text of linesOf(decodeText(source, options.encoding))) {
    line += 1;
    if (!/\S/.test(text)) continue;
    const parsed = parseJson(text);
    if (!parsed.ok) {
      const column = parsed.fault.offset + 1;
      throw malformed("jsonl", `Line ${line}, column ${column}: ${parsed.fault.message}.`, { line, column });
    }
    yield asRow(parsed.value);
  }
}

/** The lines of a text without their LF (a CR before it is JSON white space); the last one need not end. */
async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<string, void> {
  let open = "";
  let line = 1;
  for await (const piece of text) {
    let start = 0;
    for (let end = piece.indexOf("\n"); end !== -1; end = piece.indexOf("\n", start)) {
      const whole = open + piece.slice(start, end);
      if (whole.length > MAX_RECORD_CHARS) throw recordTooLarge("jsonl", MAX_RECORD_CHARS, { line });
      yield whole;
      open = "";
      start = end + 1;
      line += 1;
    }
    open += piece.slice(start);
    if (open.length > MAX_RECORD_CHARS) throw recordTooLarge("jsonl", MAX_RECORD_CHARS, { line });
  }
  if (open !== "") yield open;
}
