import { join } from "node:path";

import { expect, it } from "vitest";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import type { ExecutionStore, LogRow } from "../../shared/ports/execution-store.ts";
import { testIds } from "../kit/runtime.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { entry, NOTHING } from "./execution-store/scenario.ts";

const tenantId = trustedTenantId("acme");
const sessionId = testIds.session();
const page = { limit: 1_000 };

/** Entries `from` … `to` of the session's own chain, of types that take turns. */
function entries(from: number, to: number): LogRow[] {
  return Array.from({ length: to - from + 1 }, (_, index) =>
    entry({ sessionId }, from + index, { eventType: `type_${(from + index) % 3}` }),
  );
}

async function texts(store: ExecutionStore, eventType?: string): Promise<readonly string[]> {
  return (await store.readLog(tenantId, { order: "chronological", eventType }, page)).items;
}

it("L1: an entry is found by time and by type as soon as it is committed, whichever batch it falls into", async () => {
  const store = createSqliteStore(":memory:");
  const written: LogRow[] = [];
  for (const size of [1, 126, 1, 1, 127, 128, 129, 3]) {
    const log = entries(written.length + 1, written.length + size);
    expect(await store.write(tenantId, { ...NOTHING, log })).toEqual({ outcome: "written" });
    written.push(...log);
    expect(await texts(store)).toEqual(written.map(({ text }) => text));
    const ofType = written.filter(({ eventType }) => eventType === "type_1");
    expect(await texts(store, "type_1")).toEqual(ofType.map(({ text }) => text));
  }
  await store.close();
});

it("L1: entries that were never read or placed before a restart are found after it, and through other connections", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "store.db");
  const before = createSqliteStore(path);
  const first = entries(1, 200);
  await before.write(tenantId, { ...NOTHING, log: first });
  await before.close();
  const [here, there] = [createSqliteStore(path), createSqliteStore(path)];
  const second = entries(201, 210);
  await here.write(tenantId, { ...NOTHING, log: second });
  const all = [...first, ...second].map(({ text }) => text);
  expect(await texts(there)).toEqual(all);
  expect(await texts(here)).toEqual(all);
  await Promise.all([here.close(), there.close()]);
});

it("L2: a write that is undone leaves no place behind, and its positions may be used again", async () => {
  const store = createSqliteStore(":memory:");
  const first = entries(1, 120);
  await store.write(tenantId, { ...NOTHING, log: first });
  // Crosses the end of a batch, and then repeats a sequence, which the chain refuses.
  const refused = [...entries(121, 140), ...entries(140, 140)];
  await expect(store.write(tenantId, { ...NOTHING, log: refused })).rejects.toThrow("UNIQUE constraint failed");
  const second = entries(121, 150);
  await store.write(tenantId, { ...NOTHING, log: second });
  expect(await texts(store)).toEqual([...first, ...second].map(({ text }) => text));
  await store.close();
});
