import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { pipeline } from "node:stream/promises";

import { GcsError, type GcsObjects, type NewMeta, type ObjectMeta, type Preconditions } from "./gcs-standin-objects.ts";

interface Session {
  readonly bucket: string;
  readonly name: string;
  readonly meta: NewMeta;
  readonly when: Preconditions;
  readonly file: string;
  done: ObjectMeta | undefined;
}

export type ChunkAnswer =
  | { readonly outcome: "done"; readonly meta: ObjectMeta }
  | { readonly outcome: "more"; readonly receivedBytes: number };

/** Uploads that come in several requests (cloud.google.com/storage/docs/resumable-uploads). They do not outlive the process. */
export class ResumableUploads {
  readonly #objects: GcsObjects;
  readonly #sessions = new Map<string, Session>();

  constructor(objects: GcsObjects) {
    this.#objects = objects;
  }

  async begin(bucket: string, name: string, meta: NewMeta, when: Preconditions): Promise<string> {
    this.#objects.expectBucket(bucket);
    this.#objects.check(bucket, name, when);
    const id = randomUUID();
    const file = this.#objects.newFile();
    await (await open(file, "wx")).close();
    this.#sessions.set(id, { bucket, name, meta, when, file, done: undefined });
    return id;
  }

  /** Takes a piece in, or tells how much there is for a piece without bytes. */
  async add(id: string, headers: IncomingHttpHeaders, body: AsyncIterable<Uint8Array>): Promise<ChunkAnswer> {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new GcsError(404, "notFound", "There is no such upload.");
    if (session.done !== undefined) return { outcome: "done", meta: session.done };
    const [, first, last, total = "*"] =
      /^bytes (?:(\d+)-(\d+|\*)|\*)\/(\d+|\*)$/.exec(headers["content-range"] ?? "") ?? [];
    const before = (await stat(session.file)).size;
    if (first !== undefined) {
      if (Number(first) > before) throw new GcsError(400, "invalid", "The piece leaves a gap.");
      await pipeline(body, createWriteStream(session.file, { flags: "r+", start: Number(first) }));
    } else if (headers["content-range"] === undefined) {
      await pipeline(body, createWriteStream(session.file, { flags: "r+" }));
    }
    const receivedBytes = (await stat(session.file)).size;
    // `bytes 0-*/*` is all that there is, in one piece.
    const complete = headers["content-range"] === undefined || last === "*" || Number(total) === receivedBytes;
    if (!complete) return { outcome: "more", receivedBytes };
    const { bucket, name, meta, when, file } = session;
    session.done = await this.#objects.put(bucket, name, await this.#objects.measure(file), meta, when);
    return { outcome: "done", meta: session.done };
  }

  async cancel(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    if (session !== undefined && session.done === undefined) await rm(session.file, { force: true });
  }
}
