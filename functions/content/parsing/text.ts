import { TextDecoder } from "node:util";

import { contentFault } from "./faults.ts";
import type { TextEncoding } from "./parser.ts";

/** Small enough that no step holds much, whatever the size of the chunks that the source gives. */
const SLICE_BYTES = 64 * 1024;
const LONGEST_BOM_BYTES = 3;

/**
 * Decodes bytes to text strictly, in pieces of at most 64 KiB of input; the byte order mark decides and is dropped.
 * Throws `content.not_utf8` (or `content.wrong_encoding`) with the line where the bytes stop making sense, and for NUL.
 */
export async function* decodeText(
  source: AsyncIterable<Uint8Array>,
  encoding?: TextEncoding,
): AsyncGenerator<string, void> {
  let head = new Uint8Array(0);
  let decoder: StrictDecoder | undefined;
  for await (const slice of slices(source)) {
    if (decoder !== undefined) {
      yield decoder.decode(slice);
      continue;
    }
    head = join(head, slice);
    if (head.length < LONGEST_BOM_BYTES) continue;
    decoder = new StrictDecoder(encodingOf(head, encoding));
    yield decoder.decode(head);
  }
  if (decoder === undefined) {
    decoder = new StrictDecoder(encodingOf(head, encoding));
    yield decoder.decode(head);
  }
  decoder.end();
}

async function* slices(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of source) {
    for (let start = 0; start < chunk.length; start += SLICE_BYTES) yield chunk.subarray(start, start + SLICE_BYTES);
  }
}

function encodingOf(head: Uint8Array, stated: TextEncoding | undefined): TextEncoding {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return "utf-8";
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  return stated ?? "utf-8";
}

class StrictDecoder {
  readonly #encoding: TextEncoding;
  readonly #decoder: TextDecoder;
  #line = 1;
  #byteOffset = 0;
  /** The last bytes seen, in which an unfinished UTF-8 character may begin: needed only to locate a fault. */
  #tail: Uint8Array = new Uint8Array(0);

  constructor(encoding: TextEncoding) {
    this.#encoding = encoding;
    this.#decoder = new TextDecoder(encoding, { fatal: true });
  }

  decode(bytes: Uint8Array): string {
    let text: string;
    try {
      text = this.#decoder.decode(bytes, { stream: true });
    } catch {
      throw this.#fault(bytes);
    }
    const nul = text.indexOf("\0");
    if (nul !== -1) {
      const line = this.#line + lineBreaksIn(text.slice(0, nul));
      throw this.#error(`holds a NUL character at line ${line}: it is binary, or UTF-16`, { line });
    }
    this.#line += lineBreaksIn(text);
    this.#byteOffset += bytes.length;
    this.#tail = join(this.#tail, bytes).slice(-3);
    return text;
  }

  end(): void {
    try {
      this.#decoder.decode();
    } catch {
      throw this.#error(`ends in the middle of a character, at line ${this.#line}`, { line: this.#line });
    }
  }

  #fault(bytes: Uint8Array) {
    if (this.#encoding !== "utf-8") return this.#error(`is broken near line ${this.#line}`, { line: this.#line });
    let carried = this.#tail;
    while (carried.length > 0 && ((carried[0] ?? 0) & 0xc0) === 0x80) carried = carried.subarray(1);
    const window = join(carried, bytes);
    const valid = window.subarray(0, validPrefix(window));
    // In stream mode an unfinished character at the end, the one that is broken, is left out.
    const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(valid, { stream: true });
    const line = this.#line + lineBreaksIn(before) - carried.filter((byte) => byte === 0x0a).length;
    const byteOffset = this.#byteOffset - carried.length + Buffer.byteLength(before);
    return this.#error(`is invalid at line ${line} (byte ${byteOffset})`, { line, byte_offset: byteOffset });
  }

  #error(what: string, place: { readonly line: number; readonly byte_offset?: number }) {
    return this.#encoding === "utf-8"
      ? contentFault(
          "not_utf8",
          `The file is not UTF-8 text: it ${what}. Name its encoding, or save it as UTF-8.`,
          place,
        )
      : contentFault("wrong_encoding", `The file is not ${this.#encoding} text: it ${what}.`, {
          encoding: this.#encoding,
          ...place,
        });
  }
}

/** How many leading bytes are valid UTF-8, by bisection: this runs once, on the slice that failed. */
function validPrefix(bytes: Uint8Array): number {
  let valid = 0;
  let invalid = bytes.length;
  while (valid + 1 < invalid) {
    const middle = (valid + invalid) >> 1;
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      valid = middle;
    } catch {
      invalid = middle;
    }
  }
  return valid;
}

/** The number of line feeds in the text. */
export function lineBreaksIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
