import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createGcsObjectStore } from "../../infra/adapters/gcs/object-store.ts";
import { type GcsStandin, startGcsStandin } from "../../infra/dev/parts/gcs-standin.ts";
import { startTcpProxy } from "../kit/tcp-proxy.ts";
import { temporaryFolder, type TemporaryFolder } from "../kit/temporary-folder.ts";

const TARGET = { directory: "artifacts/acme/file/f1", extension: "bin", contentType: "text/plain" };
const MIB = 1024 * 1024;
const BLOCK = Buffer.alloc(MIB, "0123456789abcdef");

let folder: TemporaryFolder;
let standin: GcsStandin;
let bucketsMade = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  standin = await startGcsStandin({ directory: folder.path });
  // For all of this file's process: tests side by side must not take it from each other.
  Object.assign(process.env, { GOOGLE_APPLICATION_CREDENTIALS: standin.keyFile, METADATA_SERVER_DETECTION: "none" });
});

afterAll(async () => {
  await standin.stop();
  await folder[Symbol.asyncDispose]();
});

/** A store that reaches a bucket of its own through a bad network of its own, and a view of the bucket past it. */
async function behindProxy() {
  const proxy = await startTcpProxy(standin);
  const projectId = "symphainy-local";
  const name = `test-${(bucketsMade += 1)}`;
  const [bucket] = await new Storage({ projectId, apiEndpoint: standin.url }).createBucket(name);
  const all = async () => (await bucket.getFiles())[0].map((file) => file.name);
  const apiEndpoint = `http://${proxy.host}:${proxy.port}`;
  return {
    proxy,
    all,
    store: createGcsObjectStore({ bucket: name, projectId, apiEndpoint }),
    /** Waits until the bucket has so many objects. */
    has: async (count: number) => {
      while ((await all()).length < count) await sleep(10);
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

describe.concurrent("gcs behind a bad network", { timeout: 60_000 }, () => {
  it("a write whose answer is lost is sent again, and is one object", async () => {
    await using on = await behindProxy();
    on.proxy.swallowAnswers();
    const writing = on.store.write(TARGET, blocks(1, 1_000));
    await on.has(1);
    on.proxy.mend();
    const { path } = await writing;
    expect(await on.all()).toEqual([path]);
    expect(Buffer.concat(await Array.fromAsync(await on.store.read(path)))).toHaveLength(1_000);
  });

  it("a large write goes on where its connection broke, and is the bytes that its source gave", async () => {
    await using on = await behindProxy();
    const digest = createHash("sha256");
    const source = async function* () {
      for await (const block of blocks(20)) {
        digest.update(block);
        yield block;
        // The first pieces are on their way or there.
        if (on.proxy.connections > 0 && block.readUInt32BE() === 12) on.proxy.flicker();
      }
    };
    const written = await on.store.write(TARGET, source());
    expect(written).toMatchObject({ sizeBytes: 20 * MIB, sha256: digest.digest("hex") });
    expect(await on.all()).toEqual([written.path]);
    let seenBytes = 0;
    for await (const chunk of await on.store.read(written.path)) seenBytes += chunk.length;
    expect(seenBytes).toBe(20 * MIB);
  });

  it("a large write that loses its network for good is unavailable, and no object", async () => {
    await using on = await behindProxy();
    const source = async function* () {
      for await (const block of blocks(40)) {
        yield block;
        if (block.readUInt32BE() === 20) on.proxy.cut();
      }
    };
    const away = { code: "object_store.unavailable", retryable: true };
    await expect(on.store.write(TARGET, source())).rejects.toMatchObject(away);
    expect(await on.all()).toEqual([]);
  });

  it("an adoption that loses its answers, at whatever moment, is done again, and is one object", async () => {
    await using on = await behindProxy();
    const expected: string[] = [];
    // Looking, reading and copying take two passages of 20 ms each.
    for (const [index, momentMs] of [0, 30, 50, 70, 90, 110, 130].entries()) {
      const leave = { path: `uploads/acme/u${index}`, contentType: "text/plain", expiresMs: Date.now() + 60_000 };
      const { url, method, headers } = await on.store.signUpload({ ...leave, sizeBytes: 1 });
      expect((await fetch(url, { method, headers, body: String(index) })).status).toBe(200);
      on.proxy.delay(20);
      const adopting = on.store.adopt(leave.path, TARGET);
      await sleep(momentMs);
      on.proxy.swallowAnswers();
      await sleep(100);
      on.proxy.delay(0);
      on.proxy.mend();
      expected.push(leave.path, (await adopting).path);
      expect((await on.all()).toSorted()).toEqual(expected.toSorted());
    }
  });

  it("a read that breaks off is unavailable, not damaged and not short", async () => {
    await using on = await behindProxy();
    const { path } = await on.store.write(TARGET, blocks(20));
    const read = async () => {
      let seenBytes = 0;
      for await (const chunk of await on.store.read(path)) {
        seenBytes += chunk.length;
        if (seenBytes > MIB) on.proxy.cut();
      }
      return seenBytes;
    };
    await expect(read()).rejects.toMatchObject({ code: "object_store.unavailable", retryable: true });
    on.proxy.mend();
    expect(Buffer.concat(await Array.fromAsync(await on.store.read(path)))).toHaveLength(20 * MIB);
  });

  it("a signed upload that breaks off is no object, and can be sent again", async () => {
    await using on = await behindProxy();
    const sizeBytes = 8 * MIB;
    const leave = { path: "uploads/acme/u1", contentType: "text/plain", sizeBytes, expiresMs: Date.now() + 60_000 };
    const { url, method, headers } = await on.store.signUpload(leave);
    const send = async (body: AsyncIterable<Uint8Array>) =>
      (await fetch(url, { method, headers, body: ReadableStream.from(body), duplex: "half" })).status;
    const breaking = async function* () {
      for await (const block of blocks(8)) {
        yield block;
        if (block.readUInt32BE() === 4) on.proxy.cut();
      }
    };
    await expect(send(breaking())).rejects.toThrow("fetch failed");
    on.proxy.mend();
    expect(await on.store.size(leave.path)).toBeUndefined();
    expect(await send(blocks(8))).toBe(200);
    expect(await on.store.size(leave.path)).toBe(sizeBytes);
  });
});

/** Blocks that begin with their number. */
async function* blocks(count: number, sizeBytes = MIB): AsyncGenerator<Buffer> {
  for (let number = 1; number <= count; number += 1) {
    const block = Buffer.from(BLOCK.subarray(0, sizeBytes));
    block.writeUInt32BE(number);
    yield await Promise.resolve(block);
  }
}
