import { GcsError } from "./gcs-standin-objects.ts";

const BLANK_LINE = Buffer.from("\r\n\r\n");
/** Longer heads are not ours: the first part is a small JSON document. */
const MAX_HEAD_BYTES = 256 * 1024;

/** An upload of two parts: what the object is, as JSON, and its bytes as they come. */
export interface MultipartUpload {
  readonly metadata: unknown;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Reads a body of `multipart/related` without holding its second part (RFC 2387). */
export async function readMultipart(contentType: string, body: AsyncIterable<Uint8Array>): Promise<MultipartUpload> {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) throw new GcsError(400, "invalid", "A multipart body needs a boundary.");
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const chunks = body[Symbol.asyncIterator]();
  // The first delimiter has no line before it; this one makes all alike.
  let held = Buffer.from("\r\n");
  const more = async (): Promise<boolean> => {
    const next = await chunks.next();
    if (next.done === true) return false;
    held = Buffer.concat([held, next.value]);
    return true;
  };
  const until = async (mark: Buffer): Promise<Buffer> => {
    for (;;) {
      const at = held.indexOf(mark);
      if (at >= 0) {
        const before = held.subarray(0, at);
        held = held.subarray(at + mark.length);
        return before;
      }
      if (held.length > MAX_HEAD_BYTES || !(await more()))
        throw new GcsError(400, "invalid", "Malformed multipart body.");
    }
  };
  await until(delimiter);
  await until(BLANK_LINE);
  const metadata: unknown = JSON.parse((await until(delimiter)).toString());
  await until(BLANK_LINE);

  const rest = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      const end = held.indexOf(delimiter);
      if (end >= 0) {
        yield held.subarray(0, end);
        return;
      }
      const safe = Math.max(0, held.length - delimiter.length);
      if (safe > 0) yield held.subarray(0, safe);
      held = held.subarray(safe);
      if (!(await more())) throw new GcsError(400, "invalid", "The multipart body ended early.");
    }
  };
  return { metadata, bytes: rest() };
}
