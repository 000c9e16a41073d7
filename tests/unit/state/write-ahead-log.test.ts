import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";

import { describe, expect, it } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { jsonObject } from "../../../shared/json.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import { openRuntime, testIds } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

const twoSteps = intent("test.two", { version: 1, description: "two steps", input: z.object({}), output: jsonObject })
  .step("one", { run: () => ({}) })
  .step("two", { run: () => ({}) })
  .returns(() => ({}));

/** A runtime over a file, with one finished execution, and a hand that tampers with the file. */
async function open() {
  const folder = await temporaryFolder();
  const path = join(folder.path, "store.db");
  const store = createSqliteStore(path);
  const runtime = await openRuntime({ intents: [twoSteps], store, folder: folder.path });
  const execution = await runtime.run("test.two");
  const verify = () => runtime.services.log.verify(runtime.tenantId, execution.execution_id);
  return {
    runtime,
    execution,
    verify,
    tamper: (sql: string) => {
      const db = new DatabaseSync(path);
      expect(db.prepare(sql).run().changes).toBe(1);
      db.close();
    },
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("the write-ahead log", () => {
  it("verifies the chain of an execution as the engine wrote it", async () => {
    await using on = await open();
    expect(await on.verify()).toBeUndefined();
  });

  it("finds an entry that was changed in the store", async () => {
    await using on = await open();
    on.tamper(`UPDATE log SET text = replace(text, '"epoch":1', '"epoch":2')
               WHERE sequence = 4 AND text LIKE '%step_started%'`);
    expect(await on.verify()).toEqual({ sequence: 4, fault: "changed" });
  });

  it("finds an entry that was taken out of the store", async () => {
    await using on = await open();
    on.tamper("DELETE FROM log WHERE sequence = 3 AND execution_no IS NOT NULL");
    expect(await on.verify()).toEqual({ sequence: 3, fault: "missing" });
  });

  it("finds that the last entry was taken out of the store", async () => {
    await using on = await open();
    const { sequence } = on.execution.chain;
    on.tamper(`DELETE FROM log WHERE sequence = ${sequence} AND execution_no IS NOT NULL`);
    expect(await on.verify()).toEqual({ sequence, fault: "missing" });
  });

  it("S7: an unknown execution, and one of another tenant, is not found", async () => {
    await using on = await open();
    const { log } = on.runtime.services;
    const absent = { code: "execution.not_found", status: 404 };
    await expect(log.verify(on.runtime.tenantId, testIds.execution())).rejects.toMatchObject(absent);
    const rival = trustedTenantId("rival");
    await expect(log.verify(rival, on.execution.execution_id)).rejects.toMatchObject(absent);
    expect(await Array.fromAsync(log.replay(rival, { executionId: on.execution.execution_id }))).toEqual([]);
  });

  it("replays a session chronologically: its own entries and those of its executions, each with the session's id", async () => {
    await using on = await open();
    const { log } = on.runtime.services;
    const { tenantId, sessionId } = on.runtime;
    const entries = await Array.fromAsync(log.replay(tenantId, { sessionId }));
    expect(entries.map(({ event_type }) => event_type)).toEqual([
      "session_created",
      "intent_received",
      "execution_started",
      "saga_started",
      "step_started",
      "step_completed",
      "step_started",
      "step_completed",
      "execution_completed",
    ]);
    expect(new Set(entries.map((entry) => entry.session_id))).toEqual(new Set([sessionId]));
    const newest = await log.read(tenantId, { sessionId, order: "newest" }, { limit: 100 });
    expect(newest.items.map(({ event_id }) => event_id)).toEqual(entries.map(({ event_id }) => event_id).toReversed());
  });
});
