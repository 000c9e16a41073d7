import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { durationMs } from "../../../shared/duration.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { jsonObject, sha256 } from "../../../shared/json.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import type { ObjectStore } from "../../../shared/ports/object-store.ts";
import { createLogExport } from "../../../shared/state/log-export.ts";
import { createRetention } from "../../../shared/state/retention.ts";
import { ChainVerifier } from "../../../shared/state/chain-verification.ts";
import { systemClock } from "../../../infra/adapters/system/system.ts";
import { newSession, openRuntime } from "../../kit/runtime.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

const shape = { version: 1, description: "for tests", input: z.object({}), output: jsonObject } as const;
const oneStep = intent("test.one", shape)
  .step("one", { run: () => ({ n: 1 }) })
  .returns(() => ({}));
const waiting = intent("test.waiting", { ...shape, timeout: "9999d" })
  .await("word", { schema: z.string() })
  .returns(() => ({}));

const START = Date.parse("2026-01-01T10:00:00.000Z");

/** A runtime whose days pass as the test says; sleeps are the machine's own. */
async function open() {
  const folder = await temporaryFolder();
  const store = createSqliteStore(":memory:");
  let nowMs = START;
  const clock = { now: () => nowMs, sleep: systemClock.sleep };
  const runtime = await openRuntime({ intents: [oneStep, waiting], store, clock, folder: folder.path });
  const { retention, logExport, log } = runtime.services;
  return {
    runtime,
    retention,
    logExport,
    log,
    store,
    tenantId: runtime.tenantId,
    advance: (days: number) => void (nowMs += days * durationMs("1d")),
    lines: async (path: string) => {
      const text = await readFile(join(folder.path, "objects", path), "utf8");
      return text.split("\n").filter((line) => line !== "");
    },
    /** In a session of its own: those of before have expired meanwhile. */
    execute: async () =>
      runtime.run("test.one", {}, { sessionId: await newSession(runtime.services, runtime.tenantId) }),
    wait: async () => {
      const { execution } = await runtime.submit("test.waiting");
      const { lifecycle } = runtime.services;
      const status = async () => (await lifecycle.get(runtime.tenantId, execution.execution_id)).status;
      await expect.poll(status).toBe("suspended");
      return execution;
    },
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("exporting the log", () => {
  it("X1: writes each day that is over, once, as the exact texts of its entries", async () => {
    await using on = await open();
    await on.execute();
    on.advance(1);
    await on.execute();
    const [day, ...rest] = await on.logExport.run(on.tenantId);
    expect(rest).toEqual([]);
    expect(day?.date).toBe("2026-01-01");
    const { items } = await on.store.readLog(
      on.tenantId,
      { order: "chronological", toMs: Date.parse("2026-01-02T00:00:00Z") },
      { limit: 99 },
    );
    const lines = await on.lines(day?.path ?? "");
    expect(lines).toEqual(items);
    expect(day).toMatchObject({ entries: items.length, sealed: false, sha256: sha256(`${items.join("\n")}\n`) });
    expect(day?.path).toBe(`wal/acme/2026-01-01/${day?.sha256}.jsonl`);
    const verifier = new ChainVerifier({ fromTheStart: true });
    for (const line of lines) verifier.take(line);
    expect(verifier.result).toEqual({ entries: items.length, chains: 3, faults: [] });
    expect(await on.logExport.run(on.tenantId)).toEqual([]);
    on.advance(30);
    expect((await on.logExport.run(on.tenantId)).map(({ date }) => date)).toEqual(["2026-01-02"]);
  });

  it("X1: goes on where it was when it is cut short", async () => {
    await using on = await open();
    for (let n = 0; n < 4; n += 1) {
      await on.execute();
      on.advance(1);
    }
    const { surface, adapters } = on.runtime.services;
    let writes = 0;
    const write: ObjectStore["write"] = (...given) => {
      writes += 1;
      return writes === 2 ? Promise.reject(new Error("dies")) : adapters.objects.write(...given);
    };
    const dying = createLogExport({ ...adapters, surface, objects: { ...adapters.objects, write } });
    await expect(dying.run(on.tenantId)).rejects.toThrow("dies");
    expect((await on.logExport.run(on.tenantId)).map(({ date }) => date)).toEqual([
      "2026-01-02",
      "2026-01-03",
      "2026-01-04",
    ]);
  });

  it("X3: a sealed day stays as it is, and one that is not over cannot be sealed", async () => {
    await using on = await open();
    await on.execute();
    await expect(on.logExport.seal(on.tenantId, "2026-01-01")).rejects.toMatchObject({
      code: "log_export.day_not_over",
    });
    on.advance(2);
    const sealed = await on.logExport.seal(on.tenantId, "2026-01-01");
    expect(sealed.sealed).toBe(true);
    expect(await on.logExport.seal(on.tenantId, "2026-01-01")).toEqual(sealed);
    await on.logExport.run(on.tenantId);
    expect(await on.logExport.exported(on.tenantId, "2026-01-01")).toEqual(sealed);
  });
});

describe("retention", () => {
  it("K1: drops whole ended executions that are older than 400 days, and what is left verifies", async () => {
    await using on = await open();
    const old = await on.execute();
    const unfinished = await on.wait();
    on.advance(399);
    const young = await on.execute();
    expect(await on.retention.run()).toMatchObject({ tenants: 1, dropped: 0, failed: 0 });
    on.advance(2);
    expect(await on.retention.run()).toMatchObject({ tenants: 1, dropped: 1, failed: 0 });
    const absent = { code: "execution.not_found" };
    await expect(on.log.verify(on.tenantId, old.execution_id)).rejects.toMatchObject(absent);
    for (const kept of [unfinished, young]) {
      expect(await on.log.verify(on.tenantId, kept.execution_id)).toBeUndefined();
    }
    const verification = await on.log.verifyAll(on.tenantId, {});
    // The runtime's session, two more, and the two executions that are left.
    expect(verification).toMatchObject({ chains: 5, faults: [] });
    expect(await on.retention.run()).toMatchObject({ dropped: 0 });
  });

  it("K2: every entry that was dropped is in the sealed export of its day", async () => {
    await using on = await open();
    const old = await on.execute();
    const { items } = await on.store.readLog(
      on.tenantId,
      { executionId: old.execution_id, order: "chronological" },
      { limit: 99 },
    );
    on.advance(401);
    await on.retention.drop(on.tenantId);
    const day = await on.logExport.exported(on.tenantId, "2026-01-01");
    expect(day?.sealed).toBe(true);
    expect(await on.lines(day?.path ?? "")).toEqual(expect.arrayContaining([...items]));
  });

  it("K3: the checkpoint chains what was dropped, also when a run was cut short", async () => {
    await using on = await open();
    const executions = [await on.execute(), await on.execute()];
    on.advance(401);
    const inner = on.store.keeping;
    if (inner === undefined) return expect.unreachable("sqlite forgets");
    let calls = 0;
    const dying = createRetention({
      store: {
        ...on.store,
        keeping: {
          ...inner,
          forget: (...ref) => {
            calls += 1;
            return calls === 2 ? Promise.reject(new Error("dies")) : inner.forget(...ref);
          },
        },
      },
      surface: on.runtime.services.surface,
      logExport: on.logExport,
      clock: on.runtime.services.adapters.clock,
      logger: on.runtime.services.adapters.logger,
    });
    await expect(dying.drop(on.tenantId)).rejects.toThrow("dies");
    expect((await on.retention.checkpoint(on.tenantId)).dropping).toHaveLength(2);
    expect(await on.retention.drop(on.tenantId)).toBe(2);
    const digest = executions.reduce(
      (before, { execution_id, chain }) => sha256(`${before} ${execution_id} ${chain.hash}`),
      "0".repeat(64),
    );
    expect(await on.retention.checkpoint(on.tenantId)).toMatchObject({ dropped: 2, digest, dropping: [] });
  });

  it("exports the log of a tenant that has sessions and no execution", async () => {
    await using on = await open();
    const quiet = trustedTenantId("quiet");
    await newSession(on.runtime.services, quiet);
    on.advance(2);
    expect(await on.retention.run()).toMatchObject({ exportedDays: 2, failed: 0 });
    const day = await on.logExport.exported(quiet, "2026-01-01");
    expect((await on.lines(day?.path ?? "")).map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ tenant_id: "quiet", event_type: "session_created" }),
    ]);
  });

  it("says so on a store that forgets nothing", async () => {
    await using on = await open();
    const { keeping: _, ...store } = on.store;
    const { surface, adapters } = on.runtime.services;
    const retention = createRetention({ ...adapters, store, surface, logExport: on.logExport });
    await expect(retention.run()).rejects.toMatchObject({ code: "retention.not_supported", status: 501 });
  });
});

describe("verifying a stretch of the log", () => {
  it("finds each faulty chain once, and takes the first entries of a later stretch on trust", async () => {
    await using on = await open();
    await on.execute();
    on.advance(1);
    await on.execute();
    const { items } = await on.store.readLog(on.tenantId, { order: "chronological" }, { limit: 99 });
    const verify = (texts: readonly string[], fromTheStart: boolean) => {
      const verifier = new ChainVerifier({ fromTheStart });
      for (const text of texts) verifier.take(text);
      return verifier.result;
    };
    expect(verify(items, true)).toEqual({ entries: items.length, chains: 5, faults: [] });
    // Two sessions first, then the entries of the first execution.
    const lost = [...items.slice(0, 3), ...items.slice(4)];
    expect(verify(lost, true).faults).toMatchObject([{ fault: "missing", sequence: 2 }]);
    const changed = items.map((text, n) => (n === 5 ? text.replace('"attempt":1', '"attempt":7') : text));
    expect(verify(changed, true).faults).toMatchObject([{ fault: "changed", sequence: 4 }]);
    expect(verify(items.slice(4), true).faults).toHaveLength(1);
    expect(verify(items.slice(4), false).faults).toEqual([]);
    expect(await on.log.verifyAll(on.tenantId, { fromMs: START + durationMs("1h") })).toMatchObject({ chains: 2 });
    expect(await on.log.verifyAll(on.tenantId, { sessionId: on.runtime.sessionId })).toMatchObject({ chains: 1 });
  });
});
