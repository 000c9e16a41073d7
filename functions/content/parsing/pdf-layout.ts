import { type Block, tableRow } from "./document-block.ts";

/** A piece of text where it stands: `x` and `y` of its left end of the baseline, in points from the lower left corner. */
export interface PlacedText {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Cell {
  readonly text: string;
  readonly left: number;
  readonly right: number;
}

interface Line {
  readonly y: number;
  readonly height: number;
  readonly cells: readonly Cell[];
}

/** A gap this wide, in heights of the letters, parts columns; a space is about a quarter. */
const COLUMN_GAP = 1.2;
/** Lines further apart than this, in heights, are of two paragraphs. */
const PARAGRAPH_GAP = 1.8;
/** Columns of the lines of a table begin, or end, within so many points of each other. */
const ALIGNED_WITHIN = 4;
const MIN_TABLE_ROWS = 2;
/** Cells are short; what is longer, by and large, is prose that stands side by side. */
const MAX_MEAN_CELL_CHARS = 40;

/** The text of a page as paragraphs, and as rows of tables where at least two lines stand in the same columns. `tables` is how many there were. */
export function blocksOfPage(
  items: readonly PlacedText[],
  page: number,
  tablesBefore: number,
): { readonly blocks: readonly Block[]; readonly tables: number } {
  const blocks: Block[] = [];
  const lines = linesOf(items);
  let tables = tablesBefore;
  let paragraph: Line[] = [];
  const endParagraph = (): void => {
    const text = paragraph.map(({ cells }) => cells.map((cell) => cell.text).join(" ")).join("\n");
    if (text !== "") blocks.push({ kind: "paragraph", text, page });
    paragraph = [];
  };
  for (let index = 0; index < lines.length;) {
    const table = tableAt(lines, index);
    if (table.length >= MIN_TABLE_ROWS) {
      endParagraph();
      tables += 1;
      for (const [row, { cells }] of table.entries()) {
        const texts = cells.map(({ text }) => text);
        blocks.push({ ...tableRow(tables, row + 1, texts), page });
      }
      index += table.length;
      continue;
    }
    const line = lines[index];
    const before = paragraph.at(-1);
    if (line !== undefined) {
      const down = before === undefined ? 0 : before.y - line.y;
      // Upwards is where the next column begins.
      if (down < 0 || down > PARAGRAPH_GAP * Math.max(before?.height ?? 0, line.height)) endParagraph();
      paragraph.push(line);
    }
    index += 1;
  }
  endParagraph();
  return { blocks, tables };
}

/** The lines as the page writes them, which is column by column where it has columns; each is parted where its gaps are wide. */
function linesOf(items: readonly PlacedText[]): readonly Line[] {
  const groups: PlacedText[][] = [];
  for (const item of items) {
    if (item.text.trim() === "") continue;
    const group = groups.at(-1);
    const first = group?.[0];
    const isSameLine = first !== undefined && Math.abs(first.y - item.y) < Math.max(2, first.height / 2);
    if (group !== undefined && isSameLine) group.push(item);
    else groups.push([item]);
  }
  return groups.map((group) => {
    const height = group.reduce((most, item) => Math.max(most, item.height), 1);
    return {
      y: group[0]?.y ?? 0,
      height,
      cells: cellsOf(
        group.toSorted((a, b) => a.x - b.x),
        height,
      ),
    };
  });
}

function cellsOf(items: readonly PlacedText[], height: number): readonly Cell[] {
  const cells: { text: string; left: number; right: number }[] = [];
  for (const { text, x, width } of items) {
    const before = cells.at(-1);
    const gap = before === undefined ? Number.POSITIVE_INFINITY : x - before.right;
    if (before === undefined || gap > COLUMN_GAP * height) {
      cells.push({ text: text.trim(), left: x, right: x + width });
      continue;
    }
    before.text += gap > height * 0.15 || /^\s/.test(text) ? ` ${text.trim()}` : text.trimEnd();
    before.right = Math.max(before.right, x + width);
  }
  return cells;
}

/** The lines from this one on that stand in the same columns. */
function tableAt(lines: readonly Line[], start: number): readonly Line[] {
  const first = lines[start];
  if (first === undefined || first.cells.length < 2) return [];
  const table = [first];
  for (const line of lines.slice(start + 1)) {
    const above = table.at(-1) ?? first;
    if (line.cells.length !== first.cells.length) break;
    if (above.y - line.y > 3 * PARAGRAPH_GAP * Math.max(above.height, line.height)) break;
    const aligned = line.cells.every((cell, column) => {
      const over = above.cells[column];
      if (over === undefined) return false;
      const apart = Math.min(Math.abs(cell.left - over.left), Math.abs(cell.right - over.right));
      return apart <= ALIGNED_WITHIN;
    });
    if (!aligned) break;
    table.push(line);
  }
  const texts = table.flatMap(({ cells }) => cells.map(({ text }) => text.length));
  const meanChars = texts.reduce((sum, chars) => sum + chars, 0) / texts.length;
  return meanChars <= MAX_MEAN_CELL_CHARS ? table : [];
}
