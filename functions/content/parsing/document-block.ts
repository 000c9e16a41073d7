import type { Row } from "./parser.ts";

/** The kind of a block that is a row of a table; a document with one is hybrid. */
export const TABLE_ROW = "table_row";

/** A piece of a document, in the order in which it is read. */
export interface Block {
  readonly kind: "heading" | "paragraph" | "list_item" | "preformatted" | typeof TABLE_ROW;
  readonly text: string;
  /** Of a heading, from 1. */
  readonly level?: number;
  /** From 1. */
  readonly page?: number;
  /** From 1: where the block begins, in a file that has lines. */
  readonly line?: number;
  /** Which table of the document, and which of its rows, from 1. */
  readonly table?: number;
  readonly row?: number;
  readonly cells?: readonly string[];
}

/** Numbers the blocks of a document; those without text are passed over. */
export class BlockCount {
  #count = 0;

  row({ kind, text, ...more }: Block): Row | undefined {
    if (text.trim() === "") return undefined;
    this.#count += 1;
    return { block: this.#count, kind, text, ...more };
  }
}

/** A row of a table as a block: its text is that of the cells, between tabs. */
export function tableRow(table: number, row: number, cells: readonly string[]): Block {
  return { kind: TABLE_ROW, text: cells.join("\t"), table, row, cells };
}
