import { defaultColumnName, nameColumns, rowOf } from "./columns.ts";
import { malformed } from "./faults.ts";
import type { ParseEvents, Row } from "./parser.ts";

/** Gives the cells of one table of a page their columns: the first row names them, unless there is no header. */
export class TableRows {
  readonly #title: string;
  readonly #hasHeader: boolean;
  readonly #events: ParseEvents | undefined;
  #names: readonly string[] | undefined;
  #count = 0;

  constructor(title: string, hasHeader: boolean, events: ParseEvents | undefined) {
    this.#title = title;
    this.#hasHeader = hasHeader;
    this.#events = events;
  }

  /** The row, or undefined when it is the header. Throws `content.html_malformed` for a row that has more cells than names. */
  row(cells: readonly string[]): Row | undefined {
    this.#count += 1;
    if (this.#names === undefined) {
      const header = cells.map((cell, index) => (this.#hasHeader ? cell : defaultColumnName(index)));
      this.#names = nameColumns(header, this.#events);
      this.#events?.onColumns?.(this.#names);
      if (this.#hasHeader) return undefined;
    }
    if (cells.length > this.#names.length) {
      throw malformed(
        "html",
        `Row ${this.#count} of ${this.#title} has ${cells.length} cells where the first row has ${this.#names.length}.`,
        { row: this.#count, cells: cells.length, expected_cells: this.#names.length },
      );
    }
    return rowOf(this.#names, cells);
  }
}
