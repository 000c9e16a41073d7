import { BlockCount } from "./document-block.ts";
import { recordTooLarge } from "./faults.ts";
import { MAX_RECORD_CHARS, type ParseOptions, type Row } from "./parser.ts";
import { decodeText } from "./text.ts";
import { textLines } from "./text-lines.ts";

/** Plain text: a block for each paragraph, which is what stands between blank lines, with the line on which it begins. */
export async function* readTxt(source: AsyncIterable<Uint8Array>, options: ParseOptions): AsyncGenerator<Row, void> {
  const blocks = new BlockCount();
  let lines: string[] = [];
  let chars = 0;
  let begin = 1;
  const paragraph = (): Row | undefined => {
    const text = lines.join("\n");
    lines = [];
    chars = 0;
    return blocks.row({ kind: "paragraph", text, line: begin });
  };
  for await (const { number, text } of textLines("txt", decodeText(source, options.encoding))) {
    if (text.trim() === "") {
      const row = paragraph();
      if (row !== undefined) yield row;
      continue;
    }
    if (lines.length === 0) begin = number;
    lines.push(text);
    chars += text.length;
    if (chars > MAX_RECORD_CHARS) throw recordTooLarge("txt", MAX_RECORD_CHARS, { line: begin });
  }
  const row = paragraph();
  if (row !== undefined) yield row;
}
