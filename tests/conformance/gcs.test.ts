import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { createGcsObjectStore } from "../../infra/adapters/gcs/object-store.ts";
import { type GcsStandin, startGcsStandin } from "../../infra/dev/parts/gcs-standin.ts";
import type { ObjectTarget } from "../../shared/ports/object-store.ts";
import { temporaryFolder, type TemporaryFolder } from "../kit/temporary-folder.ts";
import { describeObjectStore } from "./object-store.ts";
import type { FragileObjectStore, ObjectStoreUnderTest } from "./object-store-under-test.ts";

const TARGET: ObjectTarget = { directory: "artifacts/acme/file/f1", extension: "bin", contentType: "text/plain" };

let folder: TemporaryFolder;
let standin: GcsStandin;
let bucketsMade = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  standin = await startGcsStandin({ directory: folder.path });
});

afterAll(async () => {
  await standin.stop();
  await folder[Symbol.asyncDispose]();
});

/** A bucket of its own, in the stand-in that the tests of this file share. */
const openBucket = (): Promise<ObjectStoreUnderTest> => bucketOf(standin, `test-${(bucketsMade += 1)}`);

describeObjectStore("gcs", { open: openBucket, openFragile });

async function bucketOf({ url, keyFile }: GcsStandin, name: string): Promise<ObjectStoreUnderTest> {
  vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", keyFile);
  vi.stubEnv("METADATA_SERVER_DETECTION", "none");
  const options = { projectId: "symphainy-local", apiEndpoint: url };
  const [bucket] = await new Storage(options).createBucket(name);
  return {
    store: createGcsObjectStore({ ...options, bucket: name }),
    all: async () => (await bucket.getFiles())[0].map((file) => file.name),
    overwrite: (path, bytes) => bucket.file(path).save(Buffer.from(bytes)),
    send: async (target, { method = "GET", headers = {}, body } = {}) => {
      const answer = await fetch(target, { method, headers, ...(body === undefined ? {} : { body }) });
      return { status: answer.status, text: await answer.text() };
    },
    close: () => Promise.resolve(),
  };
}

/** A bucket in a stand-in of its own, which is killed and started again where it was. */
async function openFragile(): Promise<FragileObjectStore> {
  const own = await temporaryFolder();
  let running = await startGcsStandin({ directory: own.path });
  return {
    ...(await bucketOf(running, "fragile")),
    takeAway: () => running.kill(),
    bringBack: async () => {
      running = await startGcsStandin({ directory: own.path, port: running.port });
    },
    close: async () => {
      await running.stop();
      await own[Symbol.asyncDispose]();
    },
  };
}

it(
  "gcs: a store that answers nothing is unavailable in bounded time, and works when it does again",
  { timeout: 60_000 },
  async () => {
    await using own = await temporaryFolder();
    await using frozen = await startGcsStandin({ directory: own.path });
    const { store } = await bucketOf(frozen, "frozen");
    const { path } = await store.write(TARGET, chunksOf("x"));
    frozen.pause();
    const away = { code: "object_store.unavailable", retryable: true };
    await Promise.all([
      expect(store.ping()).rejects.toMatchObject(away),
      expect(store.size(path)).rejects.toMatchObject(away),
      expect(store.write(TARGET, chunksOf("y"))).rejects.toMatchObject(away),
      expect(store.read(path)).rejects.toMatchObject(away),
    ]);
    frozen.resume();
    expect(Buffer.concat(await Array.fromAsync(await store.read(path))).toString()).toBe("x");
  },
);

it("gcs: an object is written by one request when it is small, and never over one that is there", async () => {
  const { store, all } = await openBucket();
  const { path } = await store.write(TARGET, chunksOf("x"));
  const bucket = new Storage({ projectId: "symphainy-local", apiEndpoint: standin.url }).bucket(`test-${bucketsMade}`);
  const [before] = await bucket.file(path).getMetadata();
  await store.write(TARGET, chunksOf("x"));
  const [after] = await bucket.file(path).getMetadata();
  expect(after.generation).toBe(before.generation);
  expect(after.contentType).toBe("text/plain");
  const large = await store.write(TARGET, chunksOf("x".repeat(3_000_000)));
  expect((await bucket.file(large.path).getMetadata())[0]).toMatchObject({
    contentType: "text/plain",
    size: "3000000",
  });
  expect((await all()).toSorted()).toEqual([path, large.path].toSorted());
});

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}
