import { BlockCount } from "./document-block.ts";
import { recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS, type ParseOptions, type Row } from "./parser.ts";
import { decodeText } from "./text.ts";
import { textLines } from "./text-lines.ts";

/** Lines are held one by one up to here: each costs more than its few characters. */
const LINES_AT_ONCE = 1_000;

/** Plain text: a block for each paragraph, which is what stands between blank lines, with the line on which it begins. */
export async function* readTxt(source: AsyncIterable<Uint8Array>, options: ParseOptions): AsyncGenerator<Row, void> {
  const blocks = new BlockCount();
  let lines: string[] = [];
  let joined = "";
  let chars = 0;
  let begin = 1;
  const paragraph = (): Row | undefined => {
    const text = joined + lines.join("\n");
    lines = [];
    joined = "";
    chars = 0;
    return blocks.row({ kind: "paragraph", text, line: begin });
  };
  for await (const { number, text } of textLines("txt", decodeText(source, options.encoding))) {
    if (text.trim() === "") {
      const row = paragraph();
      if (row !== undefined) yield row;
      continue;
    }
    if (chars === 0) begin = number;
    lines.push(text);
    chars += text.length + 1;
    if (lines.length === LINES_AT_ONCE) {
      joined += `${lines.join("\n")}\n`;
      lines = [];
    }
    if (chars > MAX_RECORD_CHARS) throw recordTooLarge("txt", MAX_RECORD_CHARS, { line: begin });
  }
  const row = paragraph();
  if (row !== undefined) yield row;
}
