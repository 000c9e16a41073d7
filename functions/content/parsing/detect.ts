import { csvFormat, tsvFormat } from "./csv.ts";
import {
  docxFormat,
  fixedWidthFormat,
  htmlFormat,
  pdfFormat,
  txtFormat,
  x12Format,
  xmlFormat,
} from "./document-formats.ts";
import { contentFault } from "./faults.ts";
import { jsonFormat } from "./json.ts";
import { jsonlFormat } from "./jsonl.ts";
import type { FileFormat, Parse, ParseOptions } from "./parser.ts";
import { xlsxFormat } from "./xlsx.ts";

// A new format is one file and one line here; what comes first wins a name that two of them claim.
const formats = [
  csvFormat,
  tsvFormat,
  jsonFormat,
  jsonlFormat,
  xlsxFormat,
  xmlFormat,
  htmlFormat,
  pdfFormat,
  docxFormat,
  x12Format,
  fixedWidthFormat,
  txtFormat,
] as const;

export type FormatName = (typeof formats)[number]["format"];

/** What is known of a file besides its bytes; `parsing_type` and `file_type` are statements, the others are hints. */
export interface FileDescription {
  readonly file_type?: string | undefined;
  readonly mime_type?: string | undefined;
  readonly filename: string;
  readonly parsing_type?: string | undefined;
}

export interface SelectedParser {
  readonly format: FormatName;
  /** True when the types of the values are to be inferred from their text, as in CSV. */
  readonly valuesAreText: boolean;
  /** Whether the rows have columns of their own; else they are the blocks of a document. */
  readonly hasColumns: (options: ParseOptions) => boolean;
  /** Throws `content.option_not_applicable` at once when an option is none of this format's. */
  readonly parse: Parse;
}

/**
 * The parser for a file: by parsing_type, else file_type (a name, an extension or a MIME type), else mime_type, else the
 * extension of the filename. A hint that is unknown gives way to the next, since browsers call CSV `application/vnd.ms-excel`.
 * Throws `content.unsupported_type`, which lists what is supported.
 */
export function selectParser(file: FileDescription): SelectedParser {
  for (const statement of ["parsing_type", "file_type"] as const) {
    const given = normalized(file[statement]);
    if (given === "") continue;
    const format = byAnyName(given);
    if (format === undefined) throw unsupported(file, `${statement} "${given}"`);
    return selected(format);
  }
  const mimeType = normalized(file.mime_type);
  const format = formats.find((each) => each.mimeTypes.includes(mimeType)) ?? byExtension(file.filename);
  if (format === undefined) throw unsupported(file, `file "${file.filename}"`);
  return selected(format);
}

function byAnyName(name: string): (typeof formats)[number] | undefined {
  return formats.find(
    (format) => format.names.includes(name) || format.extensions.includes(name) || format.mimeTypes.includes(name),
  );
}

function byExtension(filename: string): (typeof formats)[number] | undefined {
  const dot = filename.lastIndexOf(".");
  if (dot === -1) return undefined;
  const extension = normalized(filename.slice(dot));
  return formats.find((format) => format.extensions.includes(extension));
}

/** Lower case, without the dot of an extension and without the parameters of a MIME type. */
function normalized(name = ""): string {
  return (name.split(";", 1)[0] ?? "").trim().toLowerCase().replace(/^\./, "");
}

function selected(format: (typeof formats)[number]): SelectedParser {
  return {
    format: format.format,
    valuesAreText: format.valuesAreText,
    hasColumns: format.hasColumns,
    parse: (source, options, events) => {
      refuseOtherOptions(format, options);
      return format.parse(source, options, events);
    },
  };
}

function refuseOtherOptions(format: FileFormat, options: ParseOptions): void {
  const stray = Object.entries(options)
    .filter(([name, value]) => value !== undefined && !format.options.some((option) => option === name))
    .map(([name]) => name);
  if (stray.length === 0) return;
  throw contentFault(
    "option_not_applicable",
    `A ${format.format} file takes no ${stray.join(", ")}. It takes: ${format.options.join(", ")}.`,
    { format: format.format, options: stray, applicable: [...format.options] },
  );
}

function unsupported(file: FileDescription, what: string) {
  const supported = [...new Set(formats.flatMap((format) => [...format.names, ...format.extensions]))].toSorted();
  return contentFault(
    "unsupported_type",
    `There is no parser for the ${what}. Supported are: ${supported.join(", ")}.`,
    {
      file_type: file.file_type,
      mime_type: file.mime_type,
      filename: file.filename,
      parsing_type: file.parsing_type,
      supported,
    },
  );
}
