import { type Block, tableRow } from "./document-block.ts";
import { malformed, recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS, PIECE_CHARS } from "./parser.ts";

const SILENT: ReadonlySet<string> = new Set(["script", "style", "noscript", "template", "svg"]);
const BREAKS: ReadonlySet<string> = new Set(
  "address article aside blockquote body dd details dialog div dl dt fieldset figcaption figure footer form header hr html main nav ol p section summary ul".split(
    " ",
  ),
);
/** A table wider than any sheet is an attack; a cell that says so is taken at less. */
const MAX_SPAN = 1_000;
const MAX_OPEN_TABLES = 64;
/** Text of cells that reach down into a row: a thousand rows may each have it anew. */
const MAX_CHARS_FROM_ABOVE = 65_536;
/** Browsers stop at 512; htmlparser2 takes time by the square of it. */
const MAX_DEPTH = 4_096;

interface OpenTable {
  readonly number: number;
  rows: number;
  cells: string[];
  /** The text of the cell that is open. */
  cell: string | undefined;
  span: number;
  /** Of the row that is open, and how many of them from rows above. */
  chars: number;
  charsFromAbove: number;
  /** Cells of rows above that reach down: how many rows more, and their text. */
  readonly below: Map<number, { rows: number; readonly text: string }>;
  rowSpan: number;
}

/** Makes blocks of the tags and texts of a page, as htmlparser2 calls them out. */
export class HtmlBlocks {
  tables = 0;
  #ready: Block[] = [];
  #text = "";
  #textChars = 0;
  #kind: Block["kind"] = "paragraph";
  #level: number | undefined;
  #depth = 0;
  #silent = 0;
  #preformatted = 0;
  readonly #open: OpenTable[] = [];

  /** The blocks that are whole since the last time. */
  take(): readonly Block[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  onopentag(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw malformed("html", `The page nests tags more than ${MAX_DEPTH} deep.`, { max_depth: MAX_DEPTH });
    }
    // A title is text that no page shows; it is the first thing to know of it.
    if (name === "title") {
      this.#begin("heading", 1);
      return;
    }
    if (SILENT.has(name)) this.#silent += 1;
    if (name === "br") this.#add("\n");
    else if (name === "table") this.#openTable();
    else if (name === "tr") this.#endRow();
    else if (name === "td" || name === "th") this.#openCell(attributes);
    else if (/^h[1-6]$/.test(name)) this.#begin("heading", Number(name[1]));
    else if (name === "li") this.#begin("list_item");
    else if (name === "pre") {
      this.#begin("preformatted");
      this.#preformatted += 1;
    } else if (BREAKS.has(name)) this.#begin("paragraph");
  }

  ontext(text: string): void {
    if (this.#silent > 0) return;
    this.#add(this.#preformatted > 0 ? text : text.replace(/[\t\n\f\r ]+/g, " "));
  }

  onclosetag(name: string): void {
    this.#depth -= 1;
    if (SILENT.has(name)) this.#silent = Math.max(0, this.#silent - 1);
    if (name === "table") this.#closeTable();
    else if (name === "tr") this.#endRow();
    else if (name === "td" || name === "th") this.#endCell();
    else if (name === "pre") {
      this.#preformatted = Math.max(0, this.#preformatted - 1);
      this.#begin("paragraph");
    } else if (name === "title" || name === "li" || /^h[1-6]$/.test(name) || BREAKS.has(name)) this.#begin("paragraph");
  }

  onend(): void {
    while (this.#open.length > 0) this.#closeTable();
    this.#begin("paragraph");
  }

  #add(text: string): void {
    const table = this.#open.at(-1);
    this.#hold(text.length, table?.cell === undefined ? undefined : table);
    if (table?.cell !== undefined) table.cell += text;
    else this.#text += text;
  }

  /** Counts what is held of the block that is open, or of a row. Throws `content.record_too_large`. */
  #hold(chars: number, table: OpenTable | undefined): void {
    if (table === undefined) this.#textChars += chars + PIECE_CHARS;
    else table.chars += chars + PIECE_CHARS;
    const held = this.#open.reduce((sum, open) => sum + open.chars, this.#textChars);
    if (held > MAX_RECORD_CHARS) throw recordTooLarge("html", MAX_RECORD_CHARS);
  }

  /** Ends the block that is open and begins another. Within a cell everything is the cell's text. */
  #begin(kind: Block["kind"], level?: number): void {
    if (this.#open.at(-1)?.cell !== undefined) {
      this.#add(" ");
      return;
    }
    const text = this.#kind === "preformatted" ? this.#text : tidy(this.#text);
    if (text.trim() !== "") {
      this.#ready.push({ kind: this.#kind, text, ...(this.#level === undefined ? {} : { level: this.#level }) });
    }
    this.#text = "";
    this.#textChars = 0;
    this.#kind = kind;
    this.#level = level;
  }

  #openTable(): void {
    this.#begin("paragraph");
    this.tables += 1;
    if (this.#open.length >= MAX_OPEN_TABLES) return;
    const empty = {
      rows: 0,
      cells: [],
      cell: undefined,
      span: 1,
      rowSpan: 1,
      chars: 0,
      charsFromAbove: 0,
      below: new Map(),
    };
    this.#open.push({ number: this.tables, ...empty });
  }

  #openCell({ colspan, rowspan }: Readonly<Record<string, string>>): void {
    const table = this.#open.at(-1);
    if (table === undefined) return;
    this.#endCell();
    this.#fromAbove(table);
    table.cell = "";
    table.span = spanOf(colspan);
    table.rowSpan = spanOf(rowspan);
  }

  /** Takes over the cells of rows above that reach into this row at this place. */
  #fromAbove(table: OpenTable): void {
    for (let above = table.below.get(table.cells.length); above !== undefined;) {
      const column = table.cells.length;
      table.charsFromAbove += above.text.length + PIECE_CHARS;
      if (table.charsFromAbove > MAX_CHARS_FROM_ABOVE) throw recordTooLarge("html", MAX_CHARS_FROM_ABOVE);
      table.cells.push(above.text);
      above.rows -= 1;
      if (above.rows === 0) table.below.delete(column);
      above = table.below.get(table.cells.length);
    }
  }

  #endCell(): void {
    const table = this.#open.at(-1);
    if (table?.cell === undefined) return;
    const text = tidy(table.cell);
    table.cell = undefined;
    for (let index = 0; index < table.span; index += 1) {
      // A few bytes may not fill many cells; cells of their own are as many as there are.
      if (index > 0 && table.cells.length >= MAX_SPAN) break;
      // A cell over several columns is the first one's; one over several rows is each one's.
      if (table.rowSpan > 1)
        table.below.set(table.cells.length, { rows: table.rowSpan - 1, text: index === 0 ? text : "" });
      table.cells.push(index === 0 ? text : "");
      this.#hold(0, table);
    }
  }

  #endRow(): void {
    this.#endCell();
    const table = this.#open.at(-1);
    if (table === undefined || table.cells.length === 0) return;
    this.#fromAbove(table);
    table.rows += 1;
    this.#ready.push(tableRow(table.number, table.rows, table.cells));
    table.cells = [];
    table.chars = 0;
    table.charsFromAbove = 0;
  }

  #closeTable(): void {
    this.#endRow();
    this.#open.pop();
    if (this.#open.at(-1)?.cell === undefined) this.#begin("paragraph");
  }
}

function tidy(text: string): string {
  return text
    .replace(/ ?\n ?/g, "\n")
    .replace(/ {2,}/g, " ")
    .trim();
}

function spanOf(text = "1"): number {
  const span = Number.parseInt(text, 10);
  return Number.isNaN(span) || span < 1 ? 1 : Math.min(span, MAX_SPAN);
}
