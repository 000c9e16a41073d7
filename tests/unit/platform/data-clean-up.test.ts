import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import { intents } from "../../../functions/catalog.ts";
import { dataCleanUp } from "../../../functions/platform/data-clean-up.ts";
import { createDataKeys } from "../../../infra/adapters/master-key/data-keys.ts";
import { createSqliteRecordStore } from "../../../infra/adapters/sqlite/record-store.ts";
import { systemClock, systemRandom } from "../../../infra/adapters/system/system.ts";
import { durationMs } from "../../../shared/duration.ts";
import { type RecordStore, recordsUnavailable } from "../../../shared/ports/record-store.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createSubjects } from "../../../shared/state/subjects.ts";
import { done, readyFile } from "../../integration/content-flow.ts";
import { openRuntime } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

async function laboratory() {
  const folder = await temporaryFolder();
  let aheadMs = 0;
  const clock = { now: () => systemClock.now() + aheadMs, sleep: systemClock.sleep };
  const inner = createSqliteRecordStore(":memory:");
  let isFull = false;
  const refusing: RecordStore = {
    ...inner,
    // A fault that no repeat mends, after the rows are kept.
    apply: (view, effect, writes) => {
      if (isFull && effect.part.startsWith("parsed")) return Promise.reject(new TerminalError("test.full", "no room"));
      return inner.apply(view, effect, writes);
    },
  };
  const runtime = await openRuntime({ intents, clock, records: refusing, folder: folder.path });
  return {
    runtime,
    inner,
    pass: (span: Parameters<typeof durationMs>[0]) => void (aheadMs += durationMs(span)),
    fill: () => void (isFull = true),
    /** Parsed data in the object store. */
    kept: async () => {
      const all = await readdir(join(folder.path, "objects"), { recursive: true });
      return all.filter((path) => /parsed_content.*parquet$/.test(path));
    },
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await inner.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

it("bytes that a failed execution kept are deleted a day later, and no others", async () => {
  await using on = await laboratory();
  const { runtime, kept, pass } = on;
  const file_id = await readyFile(runtime, "a.csv", Buffer.from("id\n1\n"));
  await done(runtime, "content.parse_content", { file_id });
  const [good] = await kept();
  on.fill();
  expect((await runtime.run("content.parse_content", { file_id })).status).toBe("compensated");
  expect(await kept()).toHaveLength(2);
  expect(await dataCleanUp.run(runtime.services)).toMatchObject({ artifacts: 0, failed: 0 });
  expect(await kept()).toHaveLength(2);
  pass("25h");
  expect(await dataCleanUp.run(runtime.services)).toMatchObject({ tenants: 1, artifacts: 1, failed: 0 });
  expect(await kept()).toEqual([good]);
  expect(await dataCleanUp.run(runtime.services)).toMatchObject({ artifacts: 0 });
});

it("a run that dies, or whose store is away, leaves the rest to the next one; the other work is done", async () => {
  await using on = await laboratory();
  const { runtime, kept, pass } = on;
  const file_id = await readyFile(runtime, "a.csv", Buffer.from("id\n1\n"));
  on.fill();
  await runtime.run("content.parse_content", { file_id });
  pass("25h");
  const { services } = runtime;
  const { adapters } = services;
  const dying = {
    ...services,
    adapters: { ...adapters, store: { ...adapters.store, write: () => Promise.reject(new Error("killed")) } },
  };
  // The bytes are gone, and that they are is not yet written down.
  expect(await dataCleanUp.run(dying)).toMatchObject({ artifacts: 0, failed: 1 });
  expect(await kept()).toEqual([]);
  expect(await dataCleanUp.run(services)).toMatchObject({ artifacts: 1, failed: 0 });
  expect(await dataCleanUp.run(services)).toMatchObject({ artifacts: 0, failed: 0 });

  pass("31d");
  const away = () => Promise.reject(recordsUnavailable(new Error("away")));
  const without = {
    ...services,
    adapters: { ...adapters, records: { ...adapters.records, dropTombstones: away } },
  };
  // The undo of the step left one in the graph and one in the rows.
  expect(await dataCleanUp.run(without)).toMatchObject({ tombstones: 1, failed: 2 });
  expect(await dataCleanUp.run(services)).toMatchObject({ tombstones: 1, failed: 0 });
  expect(await dataCleanUp.run(services)).toMatchObject({ tombstones: 0, failed: 0 });
});

it("tombstones stay for a month: a zombie of yesterday is refused", async () => {
  await using on = await laboratory();
  const { runtime, inner, pass } = on;
  const { tenantId, services } = runtime;
  const file_id = await readyFile(runtime, "a.csv", Buffer.from("id\n1\n"));
  on.fill();
  const { execution_id } = await runtime.run("content.parse_content", { file_id });
  pass("29d");
  expect(await dataCleanUp.run(services)).toMatchObject({ tombstones: 0 });
  const view = { tenantId, dataClassification: "client" } as const;
  const late = { key: `${execution_id}/publish`, part: "late", atMs: 0, result: {} };
  await expect(inner.apply(view, late, [])).rejects.toMatchObject({ code: "effect.refused" });
});

it("a deployment without data stores has no tombstones, and that is no failure", async () => {
  const { createAbsentRecordStore } = await import("../../../infra/adapters/none/record-store.ts");
  const { createAbsentGraphStore } = await import("../../../infra/adapters/none/graph-store.ts");
  await using runtime = await openRuntime({ intents, records: createAbsentRecordStore() });
  const { services } = runtime;
  const bare = { ...services, adapters: { ...services.adapters, graph: createAbsentGraphStore() } };
  expect(await dataCleanUp.run(bare)).toMatchObject({ tombstones: 0, failed: 0 });
});

it("subjects' keys are wrapped by the new master key, also after a run that died; what was erased stays so", async () => {
  const [old, fresh] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const records = createSqliteRecordStore(":memory:");
  await using runtime = await openRuntime({ intents, records });
  const { tenantId, services } = runtime;
  const { subjectKeys } = records;
  // A tenant is known by its executions.
  await done(runtime, "steward.list_data", { kind: "contracts", data_classification: "client" });
  const subjects = (...keys: [Buffer, ...Buffer[]]) => {
    const dataKeys = createDataKeys(...keys);
    return { dataKeys, ...createSubjects({ keys: subjectKeys, dataKeys, random: systemRandom, nowMs: () => 0 }) };
  };
  const before = subjects(old);
  const sealed = new Map<string, string>();
  for (let n = 0; n < 5; n += 1) sealed.set(`s${n}`, (await before.enrol(tenantId, `s${n}`)).seal(n));
  await subjectKeys.erase(tenantId, "s1", 1);
  // Wherever the run dies: here after two keys.
  const during = subjects(fresh, old);
  let writes = 0;
  const dying = {
    ...records,
    subjectKeys: {
      ...subjectKeys,
      rewrap: (...args: Parameters<typeof subjectKeys.rewrap>) =>
        (writes += 1) > 2 ? Promise.reject(new Error("killed")) : subjectKeys.rewrap(...args),
    },
  };
  const run = (adapters: object) => dataCleanUp.run({ ...services, adapters: { ...services.adapters, ...adapters } });
  expect(await run({ records: dying, dataKeys: during.dataKeys })).toMatchObject({ rewrapped: 0, failed: 1 });
  for (const [id, text] of sealed) {
    if (id !== "s1") expect((await during.open(tenantId, id)).open(text)).toBe(Number(id.slice(1)));
  }
  expect(await run({ dataKeys: during.dataKeys })).toMatchObject({ rewrapped: 2, failed: 0 });
  expect(await run({ dataKeys: during.dataKeys })).toMatchObject({ rewrapped: 0, failed: 0 });
  const after = subjects(fresh);
  for (const [id, text] of sealed) {
    if (id === "s1") await expect(after.open(tenantId, id)).rejects.toMatchObject({ code: "subject.erased" });
    else expect((await after.open(tenantId, id)).open(text)).toBe(Number(id.slice(1)));
  }
  // The old master key opens nothing any more; a key that none of the process's opens is told of.
  await expect(before.open(tenantId, "s0")).rejects.toMatchObject({ code: "subject.key_unreadable" });
  const strange = subjects(Buffer.alloc(32, 3), old);
  expect(await run({ dataKeys: strange.dataKeys })).toMatchObject({ rewrapped: 0, failed: 1 });
  await records.close();
});
