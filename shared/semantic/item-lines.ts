import { type SemanticItem, semanticItem } from "./semantic-item.ts";

const CHUNK_CHARS = 64 * 1024;

/** Items as lines of JSON, in chunks; `onEnd` gets what the generator returns. */
export async function* writeItems<Summary>(
  items: AsyncGenerator<SemanticItem, Summary>,
  onEnd: (summary: Summary) => void,
): AsyncIterable<Uint8Array> {
  let text = "";
  for (;;) {
    const next = await items.next();
    if (next.done === true) {
      onEnd(next.value);
      break;
    }
    text += `${JSON.stringify(next.value)}\n`;
    if (text.length < CHUNK_CHARS) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (text !== "") yield Buffer.from(text);
}

/** The items in such lines. Throws for a line that is none: the bytes are ours, and checked by their digest. */
export async function* readItems(source: AsyncIterable<Uint8Array>): AsyncIterable<SemanticItem> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of source) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield semanticItem.parse(JSON.parse(line));
  }
}
