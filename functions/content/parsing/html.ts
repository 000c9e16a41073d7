import { type Handler, Parser } from "htmlparser2";

import { decodeDeclared } from "./declared-encoding.ts";
import { type Block, BlockCount } from "./document-block.ts";
import { contentFault, malformed, recordTooLarge } from "./faults.ts";
import { HtmlBlocks } from "./html-blocks.ts";
import { MAX_RECORD_CHARS, type ParseEvents, type ParseOptions, type Row } from "./parser.ts";
import { TableRows } from "./table-rows.ts";
import { Untold } from "./untold.ts";

/** A piece after which the blocks are given out: few bytes of a page can stand for many cells. */
const PIECE = 4_096;
/** Each is held until its tag ends. */
const MAX_ATTRIBUTES = 10_000;
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
  const untold = new Untold();
  const parser = new Parser(telling(found, untold.told), { lowerCaseTags: true });
  const blocks = new BlockCount();
  const wanted = options.table;
  const table = wanted === undefined ? undefined : new TableRows(`table ${wanted}`, options.has_header ?? true, events);
  const rowOf = (block: Block): Row | undefined => {
    if (table === undefined) return blocks.row(block);
    return block.table === wanted ? table.row(block.cells ?? []) : undefined;
  };
  for await (const piece of decodeDeclared(source, CHARSET, options.encoding)) {
    for (let start = 0; start < piece.length; start += PIECE) {
      const text = piece.slice(start, start + PIECE);
      parser.write(text);
      if (untold.isTooMuchWith(text)) throw recordTooLarge("html", MAX_RECORD_CHARS);
      for (const block of found.take()) {
        const row = rowOf(block);
        if (row !== undefined) yield row;
      }
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

/** Everything that the parser can tell, also what makes no block. */
function telling(blocks: HtmlBlocks, told: () => void): Partial<Handler> {
  let attributeCount = 0;
  return {
    onattribute: () => {
      attributeCount += 1;
      if (attributeCount > MAX_ATTRIBUTES) {
        throw malformed("html", `The page has a tag with more than ${MAX_ATTRIBUTES} attributes.`);
      }
    },
    onopentag: (name, attributes) => {
      attributeCount = 0;
      told();
      blocks.onopentag(name, attributes);
    },
    ontext: (text) => {
      told();
      blocks.ontext(text);
    },
    onclosetag: (name) => {
      told();
      blocks.onclosetag(name);
    },
    oncomment: told,
    onprocessinginstruction: told,
    onend: () => blocks.onend(),
  };
}
