import { Parser } from "htmlparser2";

import { decodeDeclared } from "./declared-encoding.ts";
import { type Block, BlockCount } from "./document-block.ts";
import { contentFault, recordTooLarge } from "./faults.ts";
import { HtmlBlocks } from "./html-blocks.ts";
import { MAX_RECORD_CHARS, type ParseEvents, type ParseOptions, type Row } from "./parser.ts";
import { TableRows } from "./table-rows.ts";

const CHARSET = /<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)/i;

/**
 * An HTML page: its headings, paragraphs, list items and rows of tables as blocks, in their order; or, with the option `table`, the
 * rows of one of its tables under the names in its first row. Markup that is broken is read as browsers do; scripts and styles are not text.
 */
export async function* readHtml(
  source: AsyncIterable<Uint8Array>,
  options: ParseOptions,
  events?: ParseEvents,
): AsyncGenerator<Row, void> {
  const found = new HtmlBlocks();
  const parser = new Parser(found, { lowerCaseTags: true });
  const blocks = new BlockCount();
  const wanted = options.table;
  const table = wanted === undefined ? undefined : new TableRows(`table ${wanted}`, options.has_header ?? true, events);
  const rowOf = (block: Block): Row | undefined => {
    if (table === undefined) return blocks.row(block);
    return block.table === wanted ? table.row(block.cells ?? []) : undefined;
  };
  for await (const piece of decodeDeclared(source, CHARSET, options.encoding)) {
    parser.write(piece);
    if (found.openChars > MAX_RECORD_CHARS) throw recordTooLarge("html", MAX_RECORD_CHARS, {});
    for (const block of found.take()) {
      const row = rowOf(block);
      if (row !== undefined) yield row;
    }
  }
  parser.end();
  for (const block of found.take()) {
    const row = rowOf(block);
    if (row !== undefined) yield row;
  }
  if (wanted !== undefined && wanted > found.tables) {
    throw contentFault("table_not_found", `The page has no table ${wanted}. It has ${found.tables}.`, {
      table: wanted,
      tables: found.tables,
    });
  }
}
