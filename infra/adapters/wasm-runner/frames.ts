import type { JsonObject } from "../../../shared/json.ts";

/** One message of a call's stream: a header that is JSON, and bytes that belong to it. */
export interface Frame {
  readonly header: unknown;
  readonly body: Uint8Array;
}

export interface FrameLimits {
  readonly headerBytes: number;
  readonly bodyBytes: number;
}

/** Two lengths, of header and body, each a big-endian uint32. */
const PREFIX_BYTES = 8;
const EMPTY = new Uint8Array();

export class FrameFault extends Error {
  override readonly name = "FrameFault";
}

export function encodeFrame(header: JsonObject, body: Uint8Array = EMPTY): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + text.length + body.length);
  frame.writeUInt32BE(text.length, 0);
  frame.writeUInt32BE(body.length, 4);
  frame.set(text, PREFIX_BYTES);
  frame.set(body, PREFIX_BYTES + text.length);
  return frame;
}

/** The frames of a stream, in order. Throws a FrameFault for lengths beyond the limits, headers that are no JSON and a cut last frame. */
export async function* readFrames(
  stream: AsyncIterable<Uint8Array>,
  { headerBytes, bodyBytes }: FrameLimits,
): AsyncGenerator<Frame, void, undefined> {
  const chunks: Uint8Array[] = [];
  let heldBytes = 0;
  let neededBytes = PREFIX_BYTES;
  for await (const chunk of stream) {
    chunks.push(chunk);
    heldBytes += chunk.length;
    // Put together only when there is enough: a module comes in a thousand pieces.
    while (heldBytes >= neededBytes) {
      const held = chunks.length === 1 ? viewOf(chunks[0] ?? EMPTY) : Buffer.concat(chunks);
      const header = held.readUInt32BE(0);
      const body = held.readUInt32BE(4);
      if (header > headerBytes || body > bodyBytes) throw new FrameFault("A message is larger than one may be.");
      const bodyAt = PREFIX_BYTES + header;
      const end = bodyAt + body;
      if (heldBytes < end) {
        chunks.splice(0, chunks.length, held);
        neededBytes = end;
        break;
      }
      yield { header: parsed(held.subarray(PREFIX_BYTES, bodyAt)), body: held.subarray(bodyAt, end) };
      chunks.splice(0, chunks.length, held.subarray(end));
      heldBytes -= end;
      neededBytes = PREFIX_BYTES;
    }
  }
  if (heldBytes > 0) throw new FrameFault("The stream ends within a message.");
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new FrameFault("A message's header is not JSON.");
  }
}
