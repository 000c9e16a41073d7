import { createHash, hash, randomUUID } from "node:crypto";
import { pipeline } from "node:stream/promises";

import type { Bucket, File } from "@google-cloud/storage";

import { contentPath } from "../../../shared/content-address.ts";
import type { ObjectTarget, WrittenObject } from "../../../shared/ports/object-store.ts";
import { answered, unavailable, watchWait } from "./outage.ts";

/** What is not larger is written by one request under its own name; of the rest this much is held back until it is known. */
const SINGLE_REQUEST_BYTES = 1024 * 1024;
/** One request of a resumable upload; the client holds it until the store has it. */
const PIECE_BYTES = 8 * 1024 * 1024;
/** Where objects are whose digest is not known yet; the bucket's lifecycle rule clears away what a crash leaves there. */
const INCOMING = "incoming";

/** Only if there is no object yet: one of the same name has the same bytes. */
const IF_NEW = { ifGenerationMatch: 0 } as const;
const ALREADY_THERE = { status: 412, otherwise: undefined } as const;

/**
 * Writes bytes under the name that their digest gives them. The source's own errors come through as they are, and nothing is
 * left of what came before them.
 */
export async function writeObject(
  bucket: Bucket,
  target: ObjectTarget,
  source: AsyncIterable<Uint8Array>,
): Promise<WrittenObject> {
  const chunks = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let headBytes = 0;
  while (headBytes <= SINGLE_REQUEST_BYTES) {
    const next = await chunks.next();
    if (next.done === true) return writeWhole(bucket, target, Buffer.concat(head, headBytes));
    head.push(next.value);
    headBytes += next.value.length;
  }
  return writeLarge(bucket, target, resumed(head, chunks));
}

async function writeWhole(bucket: Bucket, target: ObjectTarget, bytes: Buffer): Promise<WrittenObject> {
  const sha256 = hash("sha256", bytes, "hex");
  const path = contentPath(target, sha256);
  const form = { resumable: false, contentType: target.contentType, preconditionOpts: IF_NEW };
  await answered(bucket.file(path).save(bytes, form), ALREADY_THERE);
  return { path, sizeBytes: bytes.length, sha256 };
}

/** To a name of its own first, as the digest is known only at the end; then copied by the store itself. */
async function writeLarge(
  bucket: Bucket,
  target: ObjectTarget,
  source: AsyncIterable<Uint8Array>,
): Promise<WrittenObject> {
  const part = bucket.file(`${INCOMING}/${randomUUID()}`);
  try {
    const { sizeBytes, sha256 } = await send(part, source);
    const path = contentPath(target, sha256);
    await copyNew(part, bucket.file(path), target.contentType);
    return { path, sizeBytes, sha256 };
  } finally {
    // Not worth failing for: what stays is cleared away by the bucket's lifecycle rule.
    await answered(part.delete({ ignoreNotFound: true })).catch(() => undefined);
  }
}

/** Copies within the store, unless the object is there already. */
export async function copyNew(from: File, to: File, contentType: string): Promise<void> {
  await answered(from.copy(to, { contentType, preconditionOpts: { ...IF_NEW } }), ALREADY_THERE);
}

async function send(
  part: File,
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const digest = createHash("sha256");
  let sizeBytes = 0;
  let sourceFailed = false;
  const stalled = new AbortController();
  const watch = () => watchWait((error) => stalled.abort(error));
  let waiting = watch();
  const digested = async function* () {
    waiting.end();
    try {
      for await (const chunk of source) {
        digest.update(chunk);
        sizeBytes += chunk.length;
        waiting = watch();
        yield chunk;
        waiting.end();
      }
    } catch (error) {
      sourceFailed = true;
      throw error;
    }
    waiting = watch();
  };
  try {
    const sink = part.createWriteStream({ resumable: true, chunkSize: PIECE_BYTES });
    await pipeline(digested, sink, { signal: stalled.signal });
  } catch (error) {
    throw sourceFailed ? error : unavailable(error);
  } finally {
    waiting.end();
  }
  return { sizeBytes, sha256: digest.digest("hex") };
}

async function* resumed(head: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
