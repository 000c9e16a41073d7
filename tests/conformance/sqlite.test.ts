import { execFile } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { testIds } from "../kit/runtime.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { describeExecutionStore } from "./execution-store.ts";
import { begin, DEAD_AFTER, NOW, patch, record, type StoreUnderTest } from "./execution-store/scenario.ts";

describeExecutionStore("sqlite in memory", () => {
  const store = createSqliteStore(":memory:");
  return Promise.resolve({ store, close: () => store.close() });
});

describeExecutionStore("sqlite in a file", async () => {
  const folder = await temporaryFolder();
  return openFile(join(folder.path, "deep", "store.db"), () => folder[Symbol.asyncDispose]());
});

describe("sqlite in a file that several use", () => {
  it("S2, S3: two connections fence each other", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "store.db");
    await using here = await begin(() => openFile(path));
    const there = createSqliteStore(path);
    const executionId = await here.admit();
    const claim = { tenantId: here.tenantId, executionId, workerId: testIds.worker(), deadAfterMs: DEAD_AFTER };
    expect(await there.claim({ ...claim, nowMs: NOW })).toEqual({ outcome: "held" });
    expect(await there.claim({ ...claim, nowMs: NOW + DEAD_AFTER + 1 })).toMatchObject({ epoch: 2 });
    expect(await here.commit(executionId)).toEqual({ outcome: "fenced" });
    const state = patch("completed", { head: { by: "there" } });
    const change = { records: [record("r")], log: [], outbox: [], mail: [] };
    const ref = { tenantId: here.tenantId, executionId };
    expect(await there.commit({ ...ref, epoch: 2, state, change, readMail: [] })).toMatchObject({
      outcome: "committed",
    });
    expect((await here.store.readExecution(here.tenantId, executionId))?.head).toEqual({ by: "there" });
    expect(await here.write({ records: [record("r")] })).toMatchObject({ outcome: "conflict" });
    await there.close();
  });

  it("S3: processes that race for abandoned work claim each execution once", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "store.db");
    await using here = await begin(() => openFile(path));
    const executions = await Promise.all(Array.from({ length: 60 }, () => here.admit()));
    await here.store.retire(here.workerId);
    const claimed = await rivals(path, 3);
    expect(claimed.flat().toSorted()).toEqual(executions.toSorted());
    for (const executionId of executions) {
      expect(await here.store.readExecution(here.tenantId, executionId)).toMatchObject({ epoch: 2 });
    }
  });

  it("processes that open a new file at the same moment all get it", async () => {
    await using folder = await temporaryFolder();
    expect(await rivals(join(folder.path, "new", "store.db"), 3)).toEqual([[], [], []]);
  });
});

describe("sqlite files of other versions", () => {
  it("refuses a file that newer software wrote, and leaves it as it is", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "store.db");
    await createSqliteStore(path).close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 999");
    expect(() => createSqliteStore(path)).toThrow(expect.objectContaining({ code: "store.newer_schema" }));
    expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: 999 });
    db.close();
  });

  it("says that the store is unavailable when the file is broken under it", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "store.db");
    await using here = await begin(() => openFile(path));
    const db = new DatabaseSync(path);
    db.exec("DROP TABLE records");
    db.close();
    await expect(here.write({ records: [record("r")] })).rejects.toMatchObject({ code: "store.unavailable" });
    await expect(here.store.readRecord(here.tenantId, "thing", "r")).rejects.toMatchObject({
      code: "store.unavailable",
    });
  });
});

function openFile(path: string, afterwards: () => Promise<void> = () => Promise.resolve()): Promise<StoreUnderTest> {
  let store = createSqliteStore(path);
  return Promise.resolve({
    store,
    reopen: async () => {
      await store.close();
      store = createSqliteStore(path);
      return store;
    },
    close: async () => {
      await store.close();
      await afterwards();
    },
  });
}

/** What each of `count` processes, started together, claimed. */
async function rivals(path: string, count: number): Promise<readonly string[][]> {
  const startMs = String(Date.now() + 400);
  const script = fileURLToPath(new URL("./sqlite-rival.ts", import.meta.url));
  const run = promisify(execFile);
  const all = Array.from({ length: count }, () => run(process.execPath, [script, path, startMs, String(NOW)]));
  return (await Promise.all(all)).map(({ stdout }) => JSON.parse(stdout) as string[]);
}
