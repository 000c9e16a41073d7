import { BlockCount, type Block, tableRow } from "./document-block.ts";
import { malformed, recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS, type ParseEvents, type ParseOptions, PIECE_CHARS, type Row } from "./parser.ts";
import { readingPlaces } from "./reading-places.ts";
import { type Attributes, readXml } from "./xlsx-xml.ts";
import { DEFAULT_XLSX_LIMITS, openArchive } from "./xlsx-archive.ts";

const MAIN_PART = "word/document.xml";

/** A Word document (ECMA-376): its headings, paragraphs, list items and rows of tables as blocks. What was deleted under tracking is not read. */
export async function* readDocx(
  source: AsyncIterable<Uint8Array>,
  _options?: ParseOptions,
  events?: ParseEvents,
): AsyncGenerator<Row, void> {
  const { tenantId = "", sizeBytes = DEFAULT_XLSX_LIMITS.fileBytes, signal } = events ?? {};
  using _place = await readingPlaces.enter(tenantId, sizeBytes + MAX_RECORD_CHARS, signal);
  const archive = await openArchive(source, DEFAULT_XLSX_LIMITS, { format: "docx", noun: "document" });
  if (!archive.has(MAIN_PART))
    throw malformed("docx", "The file is a zip file but not a Word document.", { part: MAIN_PART });
  const document = new WordText();
  const blocks = new BlockCount();
  for await (const _ of readXml(archive, MAIN_PART, document)) {
    for (const block of document.take()) {
      const row = blocks.row(block);
      if (row !== undefined) yield row;
    }
  }
}

interface OpenTable {
  readonly number: number;
  rows: number;
  cells: string[];
  cell: string | undefined;
  span: number;
}

/** Makes blocks of WordprocessingML; tables within cells are the text of those cells. */
class WordText {
  #ready: Block[] = [];
  #text = "";
  #style = "";
  #isList = false;
  #inText = false;
  #deleted = 0;
  #tables = 0;
  #depth = 0;
  #table: OpenTable | undefined;
  #held = 0;

  take(): readonly Block[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  open = (tag: string, attributes: Attributes): void => {
    switch (tag) {
      case "t":
        this.#inText = true;
        return;
      case "tab":
        // A tab within a run is a character; one in the properties of a paragraph is a place on the ruler.
        if (!attributes.has("pos")) this.#add("\t");
        return;
      case "br":
      case "cr":
        this.#add("\n");
        return;
      case "del":
      case "moveFrom":
        this.#deleted += 1;
        return;
      case "p":
        this.#style = "";
        this.#isList = false;
        return;
      case "pStyle":
        this.#style = attributes.get("val") ?? "";
        return;
      case "numPr":
        this.#isList = true;
        return;
      case "tbl":
        this.#depth += 1;
        if (this.#depth > 1) return;
        this.#tables += 1;
        this.#table = { number: this.#tables, rows: 0, cells: [], cell: undefined, span: 1 };
        return;
      case "tc":
        if (this.#depth === 1 && this.#table !== undefined) Object.assign(this.#table, { cell: "", span: 1 });
        return;
      case "gridSpan":
        if (this.#depth === 1 && this.#table !== undefined) this.#table.span = spanOf(attributes.get("val"));
        break;
      default:
    }
  };

  text = (piece: string): void => {
    if (this.#inText) this.#add(piece);
  };

  close = (tag: string): void => {
    switch (tag) {
      case "t":
        this.#inText = false;
        return;
      case "del":
      case "moveFrom":
        this.#deleted -= 1;
        return;
      case "p":
        this.#endParagraph();
        return;
      case "tc":
        if (this.#depth === 1) this.#endCell();
        return;
      case "tr":
        if (this.#depth === 1) this.#endRow();
        return;
      case "tbl":
        this.#depth -= 1;
        if (this.#depth === 0) this.#table = undefined;
        break;
      default:
    }
  };

  #add(piece: string): void {
    if (this.#deleted > 0) return;
    this.#hold(piece.length + PIECE_CHARS);
    this.#text += piece;
  }

  /** Counts what is held of the paragraph, or of the row of a table, that is open. */
  #hold(chars: number): void {
    this.#held += chars;
    if (this.#held > MAX_RECORD_CHARS) throw recordTooLarge("docx", MAX_RECORD_CHARS);
  }

  #endParagraph(): void {
    const text = this.#text;
    this.#text = "";
    const table = this.#table;
    if (table?.cell !== undefined) {
      this.#hold(PIECE_CHARS);
      table.cell += table.cell === "" ? text : `\n${text}`;
      return;
    }
    this.#held = 0;
    // The built-in styles are called Heading1 … Heading9 and Title in every language of Word.
    const level = /^Heading([1-9])$/i.exec(this.#style)?.[1];
    if (level !== undefined) this.#ready.push({ kind: "heading", text, level: Number(level) });
    else if (/^Title$/i.test(this.#style)) this.#ready.push({ kind: "heading", text, level: 1 });
    else this.#ready.push({ kind: this.#isList ? "list_item" : "paragraph", text });
  }

  #endCell(): void {
    const table = this.#table;
    if (table?.cell === undefined) return;
    this.#hold(table.span * PIECE_CHARS);
    table.cells.push(table.cell.trim(), ...Array.from({ length: table.span - 1 }, () => ""));
    table.cell = undefined;
  }

  #endRow(): void {
    const table = this.#table;
    if (table === undefined || table.cells.length === 0) return;
    table.rows += 1;
    this.#ready.push(tableRow(table.number, table.rows, table.cells));
    table.cells = [];
    this.#held = 0;
  }
}

function spanOf(text = "1"): number {
  const span = Number.parseInt(text, 10);
  return Number.isNaN(span) || span < 1 ? 1 : Math.min(span, 63);
}
