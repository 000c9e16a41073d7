import { join } from "node:path";

import { createPostgresRecordStore } from "../../infra/adapters/postgres/record-store.ts";
import { createSqliteRecordStore } from "../../infra/adapters/sqlite/record-store.ts";
import type { RecordStore } from "../../shared/ports/record-store.ts";
import { withParts } from "../kit/parts.ts";
import { openTestDatabase } from "../kit/postgres.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { describeRecordStore } from "./record-store.ts";
import type { RecordsUnderTest } from "./record-store/scenario.ts";

describeRecordStore("sqlite", async () => {
  const folder = await temporaryFolder();
  const path = join(folder.path, "deep", "data.db");
  return underTest(
    () => createSqliteRecordStore(path),
    async () => folder[Symbol.asyncDispose](),
  );
});

withParts(["postgres"], () => {
  describeRecordStore("postgres", async () => {
    const database = await openTestDatabase();
    return underTest(
      () => createPostgresRecordStore({ url: database.url, connections: 4 }),
      async () => database[Symbol.asyncDispose](),
    );
  });
});

function underTest(create: () => RecordStore, after: () => Promise<void>): RecordsUnderTest {
  const opened: RecordStore[] = [];
  const rival = (): RecordStore => {
    const store = create();
    opened.push(store);
    return store;
  };
  return {
    records: rival(),
    rival,
    close: async () => {
      await Promise.all(opened.map((store) => store.close()));
      await after();
    },
  };
}
