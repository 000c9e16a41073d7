import type { JsonPrimitive } from "../../../shared/json.ts";
import { defaultColumnName, nameColumns, rowOf } from "./columns.ts";
import { malformed } from "./faults.ts";
import { requireRows } from "./parser.ts";
import type { FileFormat, ParseEvents, ParseOptions, Row } from "./parser.ts";
import { readingPlaces } from "./reading-places.ts";
import { CELL_CHARS, DEFAULT_XLSX_LIMITS, openArchive, tooLarge, workbookBytes } from "./xlsx-archive.ts";
import type { XlsxLimits } from "./xlsx-archive.ts";
import { cellName, readSheet } from "./xlsx-sheet.ts";
import type { LostCells, SheetRow } from "./xlsx-sheet.ts";
import { chooseSheet, readWorkbook } from "./xlsx-workbook.ts";

/**
 * One sheet of an Excel workbook (ECMA-376, both dialects), streamed from the zip file: numbers, booleans, text, and
 * dates as ISO 8601 without a zone. Empty cells, errors (#REF!) and formulas without a result are null; the latter two
 * are noted as `content.xlsx_lost_cells`. Rows without a value are passed over.
 */
export const xlsxFormat: FileFormat<"xlsx"> = {
  format: "xlsx",
  names: ["xlsx", "xlsm", "excel"],
  mimeTypes: [
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel.sheet.macroenabled.12",
  ],
  extensions: ["xlsx", "xlsm"],
  options: ["has_header", "header_row", "sheet"],
  valuesAreText: false,
  hasColumns: () => true,
  parse: (source, options, events) => requireRows("xlsx", readXlsx(source, options, events)),
};

/** As `xlsxFormat.parse`, with limits of the caller's, and no error when there is no row. */
export async function* readXlsx(
  source: AsyncIterable<Uint8Array>,
  options: ParseOptions,
  events?: ParseEvents,
  limits: XlsxLimits = DEFAULT_XLSX_LIMITS,
): AsyncGenerator<Row, void> {
  // Before the file is fetched, which is held whole.
  const { tenantId = "", sizeBytes = limits.fileBytes, signal } = events ?? {};
  using _place = await readingPlaces.enter(tenantId, workbookBytes(sizeBytes, limits), signal);
  const archive = await openArchive(source, limits);
  const workbook = await readWorkbook(archive, limits.sharedChars);
  const sheet = chooseSheet(workbook.sheets, options.sheet);
  const lost: LostCells = { errors: 0, uncalculated: 0, first: undefined };
  const table = new Table(sheet.name, options, events);
  let outputChars = 0;
  for await (const row of readSheet(archive, workbook, sheet, lost)) {
    const named = table.row(row);
    if (named === undefined) continue;
    outputChars += charsOf(named.names.length, row.cells);
    if (outputChars > limits.outputChars) {
      throw tooLarge(`gives more than ${limits.outputChars} characters`, "max_output_chars", limits.outputChars);
    }
    yield rowOf(named.names, row.cells);
  }
  if (lost.errors + lost.uncalculated > 0) events?.onNote?.(lostNote(sheet.name, lost));
}

/** Gives the cells of a sheet their columns. */
class Table {
  readonly #sheet: string;
  readonly #hasHeader: boolean;
  readonly #headerRow: number | undefined;
  readonly #events: ParseEvents | undefined;
  #names: string[] | undefined;

  constructor(sheet: string, options: ParseOptions, events: ParseEvents | undefined) {
    this.#sheet = sheet;
    this.#hasHeader = options.has_header ?? true;
    this.#headerRow = this.#hasHeader ? options.header_row : undefined;
    this.#events = events;
  }

  /** The names for this row, or undefined when it is the header or stands above it. */
  row(row: SheetRow): { readonly names: readonly string[] } | undefined {
    if (this.#names === undefined) {
      if (row.number < (this.#headerRow ?? 0)) return undefined;
      if (this.#headerRow !== undefined && row.number > this.#headerRow) {
        throw malformed("xlsx", `Row ${this.#headerRow} of the sheet "${this.#sheet}" names no columns: it is empty.`, {
          sheet: this.#sheet,
          row: this.#headerRow,
        });
      }
      const header = Array.from(row.cells, (cell, index) =>
        this.#hasHeader ? headerText(cell) : defaultColumnName(index),
      );
      this.#names = [...nameColumns(header, this.#events)];
      this.#events?.onColumns?.(this.#names);
      if (this.#hasHeader) return undefined;
    }
    if (row.cells.length > this.#names.length) this.#widen(row, this.#names);
    return { names: this.#names };
  }

  /** A sheet without a header has as many columns as its widest row; under a header every value needs a name. */
  #widen(row: SheetRow, names: string[]): void {
    if (this.#hasHeader) {
      const column = row.cells.findIndex((cell, index) => index >= names.length && cell !== undefined);
      const cell = cellName(column, row.number);
      throw malformed(
        "xlsx",
        `In the sheet "${this.#sheet}", the cell ${cell} has a value, but the header row ends before its column. ` +
          "Name the column, or say with header_row which row holds the names.",
        { sheet: this.#sheet, row: row.number, cell },
      );
    }
    while (names.length < row.cells.length) names.push(defaultColumnName(names.length));
  }
}

function headerText(cell: JsonPrimitive | undefined): string {
  return cell === undefined || cell === null ? "" : String(cell);
}

function charsOf(columns: number, cells: readonly (JsonPrimitive | undefined)[]): number {
  let chars = columns * CELL_CHARS;
  for (const cell of cells) chars += typeof cell === "string" ? cell.length : 0;
  return chars;
}

function lostNote(sheet: string, lost: LostCells) {
  const what = `${lost.errors} with an error, ${lost.uncalculated} with a formula that was never calculated`;
  return {
    code: "content.xlsx_lost_cells",
    message: `Cells of the sheet "${sheet}" without a usable value were read as empty: ${what}; the first is ${lost.first}.`,
    details: { sheet, errors: lost.errors, uncalculated: lost.uncalculated, first_cell: lost.first },
  };
}
