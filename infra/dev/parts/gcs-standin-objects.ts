import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import { CRC32C } from "@google-cloud/storage";
import * as z from "zod";

/** An answer other than success, as the service gives it. */
export class GcsError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

const metaSchema = z.object({
  kind: z.literal("storage#object"),
  bucket: z.string(),
  name: z.string(),
  generation: z.string(),
  metageneration: z.string(),
  contentType: z.string(),
  size: z.string(),
  crc32c: z.string(),
  timeCreated: z.string(),
  updated: z.string(),
  metadata: z.record(z.string(), z.string()).optional(),
});
export type ObjectMeta = z.infer<typeof metaSchema>;

const storedSchema = z.object({ meta: metaSchema, file: z.string() });
export type StoredObject = z.infer<typeof storedSchema>;

/** Bytes that are on disk and are no object yet. */
export interface ReceivedBytes {
  readonly file: string;
  readonly sizeBytes: number;
  readonly crc32c: string;
}

/** What must hold of the object that is there; `"0"` is the generation of one that is not. */
export interface Preconditions {
  readonly ifGenerationMatch: string | undefined;
  readonly ifGenerationNotMatch?: string | undefined;
}

export interface NewMeta {
  readonly contentType?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly crc32c?: string | undefined;
}

/** Buckets of objects: bytes in files that never change, and for each object a small file that says what it is. */
export class GcsObjects {
  readonly #folder: string;
  readonly #buckets: Set<string>;
  readonly #objects = new Map<string, StoredObject>();
  #generation = BigInt(Date.now()) * 1_000n;

  private constructor(folder: string, buckets: readonly string[]) {
    this.#folder = folder;
    this.#buckets = new Set(buckets);
  }

  static async open(folder: string, buckets: readonly string[]): Promise<GcsObjects> {
    const objects = new GcsObjects(folder, buckets);
    await mkdir(join(folder, "meta"), { recursive: true });
    await mkdir(join(folder, "data"), { recursive: true });
    for (const name of await readdir(join(folder, "meta"))) {
      if (!name.endsWith(".json")) continue;
      const stored = storedSchema.parse(JSON.parse(await readFile(join(folder, "meta", name), "utf8")));
      objects.#objects.set(keyOf(stored.meta.bucket, stored.meta.name), stored);
      objects.#buckets.add(stored.meta.bucket);
    }
    return objects;
  }

  hasBucket(bucket: string): boolean {
    return this.#buckets.has(bucket);
  }

  addBucket(bucket: string): void {
    this.#buckets.add(bucket);
  }

  /** Throws a 404 for an unknown bucket. */
  expectBucket(bucket: string): void {
    if (!this.hasBucket(bucket)) throw new GcsError(404, "notFound", "The specified bucket does not exist.");
  }

  /** A file for bytes that come; they are the caller's to remove until `put` takes them. */
  newFile(): string {
    return join(this.#folder, "data", randomUUID());
  }

  async receive(source: AsyncIterable<Uint8Array>): Promise<ReceivedBytes> {
    const file = this.newFile();
    const crc = new CRC32C();
    let sizeBytes = 0;
    const counted = async function* () {
      for await (const chunk of source) {
        crc.update(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        sizeBytes += chunk.length;
        yield chunk;
      }
    };
    try {
      await pipeline(counted, createWriteStream(file, { flags: "wx" }));
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    return { file, sizeBytes, crc32c: crc.toString() };
  }

  /** The bytes of a file that is complete, as if they had just come. */
  async measure(file: string): Promise<ReceivedBytes> {
    const crc = new CRC32C();
    let sizeBytes = 0;
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      crc.update(chunk);
      sizeBytes += chunk.length;
    }
    return { file, sizeBytes, crc32c: crc.toString() };
  }

  /** Makes received bytes an object, or throws a 412 and removes them. */
  async put(
    bucket: string,
    name: string,
    bytes: ReceivedBytes,
    meta: NewMeta,
    when: Preconditions,
  ): Promise<ObjectMeta> {
    try {
      this.expectBucket(bucket);
      this.check(bucket, name, when);
      if (meta.crc32c !== undefined && meta.crc32c !== bytes.crc32c) {
        throw new GcsError(400, "invalid", `Provided CRC32C "${meta.crc32c}" doesn't match calculated one.`);
      }
    } catch (error) {
      await rm(bytes.file, { force: true });
      throw error;
    }
    const now = new Date().toISOString();
    this.#generation += 1n;
    const stored: StoredObject = {
      file: bytes.file,
      meta: {
        kind: "storage#object",
        bucket,
        name,
        generation: String(this.#generation),
        metageneration: "1",
        contentType: meta.contentType ?? "application/octet-stream",
        size: String(bytes.sizeBytes),
        crc32c: bytes.crc32c,
        timeCreated: now,
        updated: now,
        ...(meta.metadata === undefined ? {} : { metadata: { ...meta.metadata } }),
      },
    };
    const before = this.#objects.get(keyOf(bucket, name));
    // Between the check and this line nothing is awaited: of two writers with the same precondition one is refused.
    this.#objects.set(keyOf(bucket, name), stored);
    await this.#save(stored);
    if (before !== undefined) await rm(before.file, { force: true });
    return stored.meta;
  }

  /** Throws a 404, also for a generation that is not there any more. */
  get(bucket: string, name: string, generation?: string): StoredObject {
    const found = this.#objects.get(keyOf(bucket, name));
    if (found === undefined || (generation !== undefined && generation !== found.meta.generation)) {
      throw new GcsError(404, "notFound", `No such object: ${bucket}/${name}`);
    }
    return found;
  }

  /** Throws a 412. */
  check(bucket: string, name: string, { ifGenerationMatch, ifGenerationNotMatch }: Preconditions): void {
    const current = this.#objects.get(keyOf(bucket, name))?.meta.generation ?? "0";
    const holds =
      (ifGenerationMatch === undefined || ifGenerationMatch === current) && ifGenerationNotMatch !== current;
    if (holds) return;
    throw new GcsError(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.");
  }

  async copy(
    from: StoredObject,
    bucket: string,
    name: string,
    meta: NewMeta,
    when: Preconditions,
  ): Promise<ObjectMeta> {
    const file = this.newFile();
    await link(from.file, file);
    const { contentType, metadata, size, crc32c } = from.meta;
    return this.put(bucket, name, { file, sizeBytes: Number(size), crc32c }, { contentType, metadata, ...meta }, when);
  }

  async delete(bucket: string, name: string, when: Preconditions): Promise<void> {
    const { file } = this.get(bucket, name);
    this.check(bucket, name, when);
    this.#objects.delete(keyOf(bucket, name));
    await rm(this.#metaFile(bucket, name), { force: true });
    await rm(file, { force: true });
  }

  /** By name; `after` is the last name of the page before. */
  list(bucket: string, prefix: string, limit: number, after = ""): { items: ObjectMeta[]; more: boolean } {
    this.expectBucket(bucket);
    const items = [...this.#objects.values()]
      .map(({ meta }) => meta)
      .filter((meta) => meta.bucket === bucket && meta.name.startsWith(prefix) && meta.name > after)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return { items: items.slice(0, limit), more: items.length > limit };
  }

  async #save(stored: StoredObject): Promise<void> {
    const target = this.#metaFile(stored.meta.bucket, stored.meta.name);
    const draft = `${target}.${stored.meta.generation}`;
    await writeFile(draft, JSON.stringify(stored));
    await rename(draft, target);
  }

  #metaFile(bucket: string, name: string): string {
    return join(this.#folder, "meta", `${createHash("sha256").update(keyOf(bucket, name)).digest("hex")}.json`);
  }
}

function keyOf(bucket: string, name: string): string {
  return `${bucket}/${name}`;
}
