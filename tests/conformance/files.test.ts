import { readdir, rm, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

import { createFileObjectStore } from "../../infra/adapters/files/object-store.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { describeObjectStore } from "./object-store.ts";

describeObjectStore("files", async () => {
  const folder = await temporaryFolder();
  const root = join(folder.path, "objects");
  return {
    store: createFileObjectStore(root),
    all: () => filesBelow(root),
    // Where the folder was there is now a file: nothing below it can be read or written, also by the superuser.
    makeUnreachable: async () => {
      await rm(root, { recursive: true });
      await writeFile(root, "");
    },
    close: () => folder[Symbol.asyncDispose](),
  };
});

it("files: the URI of an object leads to its file", async () => {
  await using folder = await temporaryFolder();
  const store = createFileObjectStore(folder.path);
  const source = (async function* () {
    yield await Promise.resolve(Buffer.from("x"));
  })();
  const { path } = await store.write({ directory: "a b/ü", extension: "txt", contentType: "text/plain" }, source);
  expect(fileURLToPath(store.uri(path))).toBe(join(folder.path, path));
});

async function filesBelow(root: string): Promise<string[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((item) => item.isFile())
    .map((item) => relative(root, join(item.parentPath, item.name)).replaceAll(sep, "/"));
}
