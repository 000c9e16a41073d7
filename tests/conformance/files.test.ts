import { type FileHandle, mkdir, open, readdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, it, vi } from "vitest";

import { createFileObjectStore } from "../../infra/adapters/files/object-store.ts";
import { RuntimeError } from "../../shared/errors.ts";
import type { ObjectStore } from "../../shared/ports/object-store.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { describeObjectStore } from "./object-store.ts";
import type { FragileObjectStore, OutsideAnswer, OutsideRequest } from "./object-store-under-test.ts";

describeObjectStore("files", { open: openFiles, openFragile: openFiles });

async function openFiles(): Promise<FragileObjectStore> {
  const folder = await temporaryFolder();
  const root = join(folder.path, "objects");
  const store = createFileObjectStore(root);
  return {
    store,
    all: () => filesBelow(root),
    overwrite: (path, bytes) => writeFile(join(root, path), bytes),
    send: (url, request) => sendTo(store, url, request),
    // Where the folder was there is now a file: nothing below it can be read or written, also by the superuser.
    takeAway: async () => {
      await rename(root, `${root}-away`);
      await writeFile(root, "");
    },
    bringBack: async () => {
      await rm(root);
      await rename(`${root}-away`, root);
    },
    close: () => folder[Symbol.asyncDispose](),
  };
}

/** What the server does with a signed URL; tests/e2e/uploads.test.ts does it through HTTP. */
async function sendTo(
  { served, read }: ObjectStore,
  url: string,
  { method = "GET", headers = {}, body = "" }: OutsideRequest = {},
): Promise<OutsideAnswer> {
  if (served === undefined) throw new RangeError("files are served by this server");
  const at = new URL(url, "http://127.0.0.1");
  try {
    if (method === "GET") {
      const { path } = await served.get(at);
      return { status: 200, text: Buffer.concat(await Array.fromAsync(await read(path))).toString() };
    }
    await served.put(at, { contentType: headers["content-type"], sizeBytes: undefined, source: one(body) });
    return { status: 200, text: "" };
  } catch (error) {
    if (error instanceof RuntimeError) return { status: error.status, text: error.code };
    throw error;
  }
}

it("files: the URI of an object leads to its file", async () => {
  await using folder = await temporaryFolder();
  const store = createFileObjectStore(folder.path);
  const { path } = await store.write({ directory: "a b/ü", extension: "txt", contentType: "text/plain" }, one("x"));
  expect(fileURLToPath(store.uri(path))).toBe(join(folder.path, path));
});

it("files: brings the folders that it makes for an object to the disk, once, and again when they were deleted", async () => {
  await using folder = await temporaryFolder();
  const store = createFileObjectStore(folder.path);
  const handle = await open(folder.path, "r");
  const synced = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, "sync");
  await handle.close();
  const syncsOf = async (text: string): Promise<number> => {
    synced.mockClear();
    await store.write({ directory: "artifacts/acme/file", extension: "txt", contentType: "text/plain" }, one(text));
    return synced.mock.calls.length;
  };
  // The bytes, the folder that names them, and the folders that name folders, the root's own among them.
  expect(await syncsOf("a")).toBe(2 + 4);
  expect(await syncsOf("b")).toBe(2);
  await store.deleteBelow("artifacts/acme");
  expect(await syncsOf("c")).toBe(2 + 4);
  synced.mockRestore();
});

it("files: what the store keeps for itself is no object", async () => {
  await using folder = await temporaryFolder();
  const store = createFileObjectStore(folder.path);
  await store.signDownload({ path: "a/b", contentType: "text/plain", filename: "b", expiresMs: Date.now() + 1_000 });
  expect(await readdir(folder.path)).toContain(".signing-key");
  await expect(store.read(".signing-key")).rejects.toMatchObject({ code: "object.bad_path" });
});

it("files: a URL signed before a restart is good after it, and another installation's is not", async () => {
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  const leave = { path: "uploads/acme/u1", contentType: "text/csv", sizeBytes: 1, expiresMs: Date.now() + 60_000 };
  const { url } = await createFileObjectStore(folder.path).signUpload(leave);
  const request = { method: "PUT", headers: { "content-type": "text/csv" }, body: "x" } as const;
  expect(await sendTo(createFileObjectStore(other.path), url, request)).toEqual({
    status: 403,
    text: "signed_url.invalid",
  });
  expect(await sendTo(createFileObjectStore(folder.path), url, request)).toMatchObject({ status: 200 });
});

it("files: a new process clears away what died unfinished and what nobody took in, and nothing else", async () => {
  await using folder = await temporaryFolder();
  const dayMs = 86_400_000;
  const ages: Readonly<Record<string, number>> = {
    ".incoming/dead": dayMs,
    ".incoming/alive": 60_000,
    "uploads/acme/forgotten": 8 * dayMs,
    "uploads/acme/waiting": 6 * dayMs,
    "artifacts/acme/file/f1/kept.csv": 400 * dayMs,
  };
  for (const [path, ageMs] of Object.entries(ages)) {
    const place = join(folder.path, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, "x");
    await utimes(place, new Date(), new Date(Date.now() - ageMs));
  }
  const store = createFileObjectStore(folder.path);
  const { path } = await store.write({ directory: "a", extension: "txt", contentType: "text/plain" }, one("y"));
  const left = [".incoming/alive", "artifacts/acme/file/f1/kept.csv", "uploads/acme/waiting", path];
  expect((await filesBelow(folder.path)).toSorted()).toEqual(left.toSorted());
});

it("files: a store that was away when it was first used works when it is there", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "objects");
  await writeFile(root, "");
  const store = createFileObjectStore(root);
  const target = { directory: "a", extension: "txt", contentType: "text/plain" };
  const leave = { path: "uploads/acme/u1", contentType: "text/csv", sizeBytes: 1, expiresMs: Date.now() + 60_000 };
  const away = { code: "object_store.unavailable", retryable: true };
  await expect(store.write(target, one("x"))).rejects.toMatchObject(away);
  await expect(store.signUpload(leave)).rejects.toMatchObject(away);
  await rm(root);
  expect(await store.write(target, one("x"))).toMatchObject({ sizeBytes: 1 });
  const { url } = await store.signUpload(leave);
  const request = { method: "PUT", headers: { "content-type": "text/csv" }, body: "x" } as const;
  expect(await sendTo(store, url, request)).toMatchObject({ status: 200 });
});

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}

async function filesBelow(root: string): Promise<string[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((item) => item.isFile() && item.name !== ".signing-key")
    .map((item) => relative(root, join(item.parentPath, item.name)).replaceAll(sep, "/"));
}
