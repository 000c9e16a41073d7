import { RuntimeError } from "../../../shared/errors.ts";
import type { JsonObject } from "../../../shared/json.ts";

/** The error of a file that the sender must mend: never retryable, 422, with the place in `details`. */
export function contentFault(code: string, message: string, details: JsonObject = {}, cause?: unknown): RuntimeError {
  return new RuntimeError(`content.${code}`, message, { status: 422, retryable: false, details, cause });
}

/** The file breaks the rules of its format at the place given. */
export function malformed(format: string, message: string, place: JsonObject = {}, cause?: unknown): RuntimeError {
  return contentFault(`${format}_malformed`, message, place, cause);
}

/** The file is valid but holds no record. */
export function emptyFile(format: string): RuntimeError {
  return contentFault("empty_file", `The ${format} file holds no data rows.`, { format });
}

/** One record is longer than a row may be. */
export function recordTooLarge(format: string, maxChars: number, place: JsonObject = {}, hint = ""): RuntimeError {
  const at = typeof place["line"] === "number" ? ` that starts at line ${place["line"]}` : "";
  return contentFault(
    "record_too_large",
    `The ${format} record${at} is longer than ${maxChars} characters.${hint === "" ? "" : ` ${hint}`}`,
    { format, max_chars: maxChars, ...place },
  );
}

/** A row has more columns than a row may have. */
export function tooManyColumns(maxColumns: number, details: JsonObject = {}): RuntimeError {
  return contentFault("too_many_columns", `The file has more than ${maxColumns} columns.`, {
    max_columns: maxColumns,
    ...details,
  });
}

/** A piece of a faulty file as it may be shown in a message: short, on one line, quoted. */
export function excerpt(text: string, maxChars = 40): string {
  return JSON.stringify(text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`);
}
