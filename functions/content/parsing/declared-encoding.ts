import { contentFault } from "./faults.ts";
import type { TextEncoding } from "./parser.ts";
import { decodeText } from "./text.ts";

const HEAD_BYTES = 2_048;
const KNOWN: Readonly<Record<string, TextEncoding>> = {
  "utf-8": "utf-8",
  utf8: "utf-8",
  "us-ascii": "utf-8",
  ascii: "utf-8",
  "utf-16": "utf-16le",
  "utf-16le": "utf-16le",
  "utf-16be": "utf-16be",
  "iso-8859-1": "windows-1252",
  "latin-1": "windows-1252",
  latin1: "windows-1252",
  "windows-1252": "windows-1252",
};

/**
 * Decodes text that may say itself how it is encoded, in ASCII and near its start, as XML and HTML do. What the caller states
 * prevails, and a byte order mark over both. Throws `content.wrong_encoding` for an encoding that is not known here.
 */
export async function* decodeDeclared(
  source: AsyncIterable<Uint8Array>,
  declaration: RegExp,
  stated: TextEncoding | undefined,
): AsyncGenerator<string, void> {
  const chunks = source[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    read.push(next.value);
    length += next.value.length;
  }
  const head = Buffer.concat(read);
  const whole = async function* whole(): AsyncGenerator<Uint8Array, void> {
    try {
      yield head;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  };
  const declared = declaration.exec(head.subarray(0, HEAD_BYTES).toString("latin1"))?.[1]?.toLowerCase();
  const encoding = stated ?? (declared === undefined ? undefined : KNOWN[declared]);
  if (declared !== undefined && encoding === undefined) {
    throw contentFault("wrong_encoding", `The file says that it is ${declared} text, which is not known here.`, {
      encoding: declared,
      known: Object.keys(KNOWN),
    });
  }
  yield* decodeText(whole(), encoding);
}
