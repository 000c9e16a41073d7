import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterAll, beforeAll, expect, it } from "vitest";

import { createSqliteGraphStore } from "../../infra/adapters/sqlite/graph-store.ts";
import { temporaryFolder, type TemporaryFolder } from "../kit/temporary-folder.ts";
import { describeGraphStore } from "./graph-store.ts";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

describeGraphStore("sqlite", () => Promise.resolve(createSqliteGraphStore(join(folder.path, "deep", "graph.db"))));

it("makes what a file lacks, and names it", async () => {
  const path = join(folder.path, "again.db");
  const first = createSqliteGraphStore(path);
  expect(await first.setUp()).toContain("structured_embeddings_by_semantic_id");
  await first.close();
  const db = new DatabaseSync(path);
  db.exec("DROP INDEX content_metadata_by_file_id");
  db.close();
  const store = createSqliteGraphStore(path);
  expect(await store.setUp()).toEqual(["content_metadata_by_file_id"]);
  await store.close();
});
