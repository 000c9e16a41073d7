import type { JsonPrimitive } from "../../../shared/json.ts";
import { MAX_COLUMNS } from "./columns.ts";
import { malformed, recordTooLarge, tooManyColumns } from "./faults.ts";
import { MAX_RECORD_CHARS, PIECE_CHARS } from "./parser.ts";
import type { Archive } from "./xlsx-archive.ts";
import { serialToIso } from "./xlsx-dates.ts";
import { unescapeText } from "./xlsx-workbook.ts";
import type { Sheet, Workbook } from "./xlsx-workbook.ts";
import { readXml } from "./xlsx-xml.ts";
import type { Attributes } from "./xlsx-xml.ts";

/** A row of a sheet as it stands there; `cells` by column from 0, with gaps and nulls where there is no value. */
export interface SheetRow {
  readonly number: number;
  readonly cells: readonly (JsonPrimitive | undefined)[];
}

/** What became null although the cell was not empty. */
export interface LostCells {
  /** Cells with an error such as #REF!. */
  errors: number;
  /** Formulas whose result the file does not hold, since no program has calculated it. */
  uncalculated: number;
  first: string | undefined;
}

/** Reads the rows of a sheet that have at least one value, in file order, and counts in `lost` the cells that have none to give. */
export async function* readSheet(
  archive: Archive,
  workbook: Workbook,
  sheet: Sheet,
  lost: LostCells,
): AsyncGenerator<SheetRow, void> {
  const reader = new SheetReader(workbook, sheet, lost);
  const xml = readXml(archive, sheet.part, {
    open: (tag, attributes) => reader.open(tag, attributes),
    text: (text) => reader.text(text),
    close: (tag) => reader.close(tag),
  });
  for await (const _ of xml) yield* reader.takeRows();
}

class SheetReader {
  readonly #workbook: Workbook;
  readonly #sheet: Sheet;
  readonly #lost: LostCells;
  #ready: SheetRow[] = [];
  #row = 0;
  #cells: (JsonPrimitive | undefined)[] = [];
  #rowChars = 0;
  #hasValue = false;
  #column = -1;
  #type = "n";
  #style = 0;
  #value = "";
  #inValue = false;
  #hasFormula = false;
  #phonetic = false;

  constructor(workbook: Workbook, sheet: Sheet, lost: LostCells) {
    this.#workbook = workbook;
    this.#sheet = sheet;
    this.#lost = lost;
  }

  takeRows(): readonly SheetRow[] {
    return this.#ready.splice(0);
  }

  open(tag: string, attributes: Attributes): void {
    if (tag === "c") {
      this.#column = this.#columnOf(attributes.get("r"));
      this.#type = attributes.get("t") ?? "n";
      this.#style = Number(attributes.get("s") ?? 0);
      this.#value = "";
      this.#hasFormula = false;
    } else if (tag === "v" || (tag === "t" && !this.#phonetic)) this.#inValue = true;
    else if (tag === "f") this.#hasFormula = true;
    else if (tag === "rPh") this.#phonetic = true;
    else if (tag === "row") this.#openRow(attributes.get("r"));
  }

  text(text: string): void {
    if (!this.#inValue) return;
    this.#hold(text.length + PIECE_CHARS);
    this.#value += text;
  }

  close(tag: string): void {
    if (tag === "v" || tag === "t") this.#inValue = false;
    else if (tag === "rPh") this.#phonetic = false;
    else if (tag === "c") this.#closeCell();
    else if (tag === "row" && this.#hasValue) this.#ready.push({ number: this.#row, cells: this.#cells });
  }

  #openRow(reference: string | undefined): void {
    const number = reference === undefined ? this.#row + 1 : Number(reference);
    if (!Number.isInteger(number) || number <= this.#row || number > 1_048_576) {
      throw this.#fault(`row ${JSON.stringify(reference ?? number)} is out of order or range`, { row: this.#row });
    }
    this.#row = number;
    this.#cells = [];
    this.#rowChars = 0;
    this.#column = -1;
    this.#hasValue = false;
  }

  #columnOf(reference: string | undefined): number {
    if (reference === undefined) {
      if (this.#column + 1 >= MAX_COLUMNS) throw tooManyColumns(MAX_COLUMNS, { row: this.#row });
      return this.#column + 1;
    }
    const letters = /^([A-Z]{1,3})(\d{1,7})$/.exec(reference);
    if (letters?.[1] === undefined || Number(letters[2]) !== this.#row) {
      throw this.#fault(`the cell reference ${JSON.stringify(reference.slice(0, 20))} is not one of row ${this.#row}`, {
        row: this.#row,
      });
    }
    let column = 0;
    for (const letter of letters[1]) column = column * 26 + letter.charCodeAt(0) - 64;
    if (column > MAX_COLUMNS) throw tooManyColumns(MAX_COLUMNS, { row: this.#row });
    return column - 1;
  }

  /** Counts what is held of the row that is open. */
  #hold(chars: number): void {
    this.#rowChars += chars;
    if (this.#rowChars > MAX_RECORD_CHARS) {
      throw recordTooLarge("xlsx", MAX_RECORD_CHARS, { sheet: this.#sheet.name, row: this.#row });
    }
  }

  #closeCell(): void {
    const value = this.#cellValue();
    if (value === null) return;
    // A shared text is not in the row's own.
    if (this.#type === "s" && typeof value === "string") this.#hold(value.length);
    this.#cells[this.#column] = value;
    this.#hasValue = true;
  }

  #cellValue(): JsonPrimitive {
    const text = this.#value;
    if (this.#type === "inlineStr") return unescapeText(text);
    if (this.#type === "e") return this.#loseCell("errors");
    if (this.#type === "str") return unescapeText(text);
    if (text === "") return this.#hasFormula ? this.#loseCell("uncalculated") : null;
    switch (this.#type) {
      case "s":
        return this.#sharedString(text);
      case "b":
        return text.trim() === "1" || text.trim() === "true";
      case "d":
        return text;
      case "n":
        return this.#number(text);
      default:
        throw this.#fault(`the cell ${this.#cell()} has the unknown type ${JSON.stringify(this.#type.slice(0, 20))}`);
    }
  }

  #number(text: string): JsonPrimitive {
    const number = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(number)) throw this.#fault(`the cell ${this.#cell()} holds no number`);
    const kind = this.#workbook.dateKinds[this.#style] ?? "none";
    return serialToIso(number, kind, this.#workbook.date1904) ?? number;
  }

  #sharedString(text: string): string {
    const shared = /^\s*\d+\s*$/.test(text) ? this.#workbook.sharedStrings[Number(text)] : undefined;
    if (shared === undefined) throw this.#fault(`the cell ${this.#cell()} refers to a text that the workbook has not`);
    return shared;
  }

  #loseCell(kind: "errors" | "uncalculated"): null {
    this.#lost[kind] += 1;
    this.#lost.first ??= this.#cell();
    return null;
  }

  #cell(): string {
    return cellName(this.#column, this.#row);
  }

  #fault(what: string, place: { readonly row?: number } = {}) {
    const cell = this.#column >= 0 && this.#row > 0 ? { cell: this.#cell() } : {};
    return malformed("xlsx", `In the sheet "${this.#sheet.name}", ${what}.`, {
      sheet: this.#sheet.name,
      part: this.#sheet.part,
      ...(place.row === undefined ? cell : place),
    });
  }
}

/** The name that Excel shows for a cell, such as AB12; the column counts from 0. */
export function cellName(column: number, row: number): string {
  let letters = "";
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return `${letters}${row}`;
}
