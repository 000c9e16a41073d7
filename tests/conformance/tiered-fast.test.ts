import { describe, expect, it, onTestFinished } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../infra/adapters/sqlite/execution-store.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { jsonObject } from "../../shared/json.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { countingStore } from "../kit/counting-store.ts";
import { openRuntime, testIds, type TestRuntimeOptions } from "../kit/runtime.ts";
import { withParts } from "../kit/parts.ts";
import { allPages } from "./execution-store/scenario.ts";
import { openTiered } from "./tiered-kit.ts";
import { tieredLab } from "./tiered-lab.ts";

const shape = { version: 1, description: "for tests", input: z.object({}), output: jsonObject } as const;
const fast = { ...shape, durability: "fast" } as const;

const quick = intent("test.quick", fast)
  .step("one", { run: () => ({ n: 1 }) })
  .step("two", {
    run: (ctx) => {
      ctx.emit("done_two", {});
      return { n: 2 };
    },
  })
  .returns(({ outputs }) => ({ sum: outputs.one.n + outputs.two.n }));
const patient = intent("test.patient", fast)
  .step("one", { run: () => ({ n: 1 }) })
  .await("word", { schema: z.string() })
  .returns(({ outputs }) => ({ word: outputs.word }));
const registering = intent("test.registering", fast)
  .step("register", {
    run: async (ctx) => {
      await ctx.artifacts.register({
        artifact_id: testIds.file(),
        artifact_type: "file",
        semantic_descriptor: { schema: "x" },
        data_classification: "client",
      });
      return {};
    },
  })
  .returns(() => ({}));
const careful = intent("test.careful", shape)
  .step("one", { run: () => ({ n: 1 }) })
  .returns(() => ({ careful: true }));
const strictParent = intent("test.strict_parent", shape)
  .call("child", { intent: patient, input: () => ({}) })
  .returns(({ outputs }) => ({ child: outputs.child }));
const fastParent = intent("test.fast_parent", fast)
  .call("child", { intent: careful, input: () => ({}) })
  .returns(({ outputs }) => ({ child: outputs.child }));
const intents = [quick, patient, registering, careful, strictParent, fastParent];

withParts(["redis"], () => {
  const lab = tieredLab();

  /** A runtime on a tiered store whose cold half is watched. */
  async function open(options: TestRuntimeOptions = {}) {
    const sqlite = createSqliteStore(":memory:");
    const cold = countingStore({ ...sqlite, close: () => Promise.resolve() });
    const { store, logged } = openTiered({ cold: cold.store, redisUrl: lab.url() });
    const runtime = await openRuntime({ intents, store, ...options });
    onTestFinished(async () => {
      await runtime[Symbol.asyncDispose]();
      await store.close();
      await sqlite.close();
    });
    const another = () => {
      const opened = openTiered({ cold: cold.store, redisUrl: lab.url() });
      onTestFinished(() => opened.store.close());
      return opened.store;
    };
    return { runtime, store, cold, sqlite, logged, another, tenantId: runtime.tenantId };
  }
  const carry = async (store: ExecutionStore): Promise<number> => (await store.carry?.()) ?? 0;

  describe("an intent that is declared fast", () => {
    it("F1: is accepted and committed by Redis alone, and reads back at once by its id", async () => {
      const { runtime, store, cold, another, tenantId } = await open();
      await runtime.run("test.quick");
      const before = cold.acceptances.length + cold.commits.length + cold.writes.length;
      const execution = await runtime.run("test.quick");
      expect(execution).toMatchObject({ status: "completed", output: { sum: 3 } });
      expect(cold.acceptances.length + cold.commits.length + cold.writes.length).toBe(before);
      expect(await another().readExecution(tenantId, execution.execution_id)).toMatchObject({ epoch: 1 });
      expect(await runtime.services.log.verify(tenantId, execution.execution_id)).toBeUndefined();
      const waiting = (await store.unpublished(100)).map(({ topic }) => topic);
      expect(waiting.filter((topic) => topic.startsWith("$"))).toEqual([]);
    });

    it("A1: is archived behind with its whole log, listed from then on, and its events are published", async () => {
      const { runtime, store, sqlite, tenantId } = await open();
      const { execution_id: executionId } = await runtime.run("test.quick");
      expect((await store.listExecutions(tenantId, {}, { limit: 9 })).items).toEqual([]);
      await carry(store);
      expect((await store.listExecutions(tenantId, { status: "completed" }, { limit: 9 })).items).toHaveLength(1);
      const filter = { executionId, order: "chronological" } as const;
      const archived = await sqlite.readLog(tenantId, filter, { limit: 99 });
      expect(archived.items.length).toBeGreaterThan(5);
      expect(archived).toEqual(await store.readLog(tenantId, filter, { limit: 99 }));
      expect(
        await sqlite.claim({
          tenantId,
          executionId,
          workerId: runtime.services.adapters.ids.worker(),
          nowMs: Date.now(),
          deadAfterMs: 0,
        }),
      ).toEqual({ outcome: "terminal" });
      await runtime.services.relay.drain();
      expect(await store.unpublished(9)).toEqual([]);
      expect(await carry(store)).toBe(0);
    });

    it("A4, O1: Redis forgets it once it is archived whole; it reads back as before, also for those who had begun to read", async () => {
      const { runtime, store, another, tenantId } = await open();
      const { execution_id: executionId } = await runtime.run("test.quick", {}, { idempotencyKey: "k" });
      const other = another();
      const keys = (pattern: string) => lab.admin.keys(`*}:t:*:${pattern}:${executionId}`);
      const readers = [store, other];
      const everythingOf = async (reader: ExecutionStore) => ({
        execution: await reader.readExecution(tenantId, executionId),
        log: await Promise.all(
          (["chronological", "newest"] as const).flatMap((order) =>
            [undefined, 3].map((afterSequence) =>
              allPages((page) => reader.readLog(tenantId, { executionId, order, afterSequence }, page), 2),
            ),
          ),
        ),
      });
      const before = await everythingOf(store);
      expect(await everythingOf(other)).toEqual(before);
      expect(await keys("l")).toHaveLength(1);
      const expected = before.log;
      // A page each from before, whose readers go on when Redis has it no more.
      const begun = await Promise.all(
        (["chronological", "newest"] as const).map(async (order) => {
          const filter = { executionId, order } as const;
          return { filter, first: await other.readLog(tenantId, filter, { limit: 3 }) };
        }),
      );
      await carry(store);
      expect(await keys("l")).toEqual([]);
      const [tombstone = ""] = await keys("x");
      expect(await lab.admin.hkeys(tombstone)).toEqual(["c"]);
      for (const [n, { filter, first }] of begun.entries()) {
        const rest: string[] = [];
        for (let cursor = first.nextCursor; cursor !== undefined;) {
          const page = await other.readLog(tenantId, filter, { limit: 2, cursor });
          rest.push(...page.items);
          cursor = page.nextCursor;
        }
        expect([...first.items, ...rest]).toEqual(expected[2 * n]);
      }
      for (const reader of [...readers, another()]) expect(await everythingOf(reader)).toEqual(before);
      const claim = { tenantId, executionId, workerId: testIds.worker(), nowMs: Date.now(), deadAfterMs: 0 };
      for (const reader of readers) expect(await reader.claim(claim)).toEqual({ outcome: "terminal" });
      // Its key still leads to it.
      const again = await runtime.submit("test.quick", {}, { idempotencyKey: "k" });
      expect(again).toMatchObject({ fresh: false, execution: { execution_id: executionId, status: "completed" } });
      expect(await carry(store)).toBe(0);
    });

    it("F2: cannot change records, on any store, and says which step wanted to", async () => {
      const { runtime } = await open();
      await using plain = await openRuntime({ intents });
      for (const each of [runtime, plain]) {
        expect(await each.run("test.registering")).toMatchObject({
          status: "failed",
          error: { code: "durability.fast_changes_records", step_name: "register", retryable: false },
        });
      }
    });

    it("F2: cannot be built with an undo", () => {
      const build = () =>
        intent("test.undoing", fast)
          .step("one", { run: () => ({}), undo: () => undefined })
          .returns(() => ({}));
      expect(build).toThrow(expect.objectContaining({ code: "plan.fast_cannot_undo" }));
    });

    it("F3: needs a live session of its tenant like any other", async () => {
      const { runtime, tenantId } = await open();
      const { sessions, adapters } = runtime.services;
      await sessions.close(tenantId, runtime.sessionId, adapters.ids.trace());
      await expect(runtime.submit("test.quick")).rejects.toMatchObject({ code: "session.not_active" });
      await expect(runtime.submit("test.quick", {}, { sessionId: adapters.ids.session() })).rejects.toMatchObject({
        code: "session.not_found",
      });
    });

    it("W1: mail goes from tier to tier: a strict parent hears of its fast child, a fast one of its strict child", async () => {
      const { runtime, store, tenantId } = await open();
      const { execution: parent } = await runtime.submit("test.strict_parent");
      const child = async () => {
        const found = await runtime.services.lifecycle.get(tenantId, parent.execution_id);
        return found.steps[0]?.child_execution_id;
      };
      await expect.poll(async () => (await child()) !== undefined).toBe(true);
      const childId = await child();
      if (childId === undefined) return expect.unreachable("it has a child");
      await expect.poll(async () => (await store.readExecution(tenantId, childId))?.head["status"]).toBe("suspended");
      await runtime.services.control.signal(tenantId, childId, { name: "word", payload: "hello" });
      const upkeep = async (executionId: typeof parent.execution_id) => {
        await carry(store);
        await runtime.services.recovery.sweep();
        return (await runtime.services.lifecycle.get(tenantId, executionId)).status;
      };
      await expect.poll(() => upkeep(parent.execution_id)).toBe("completed");
      expect((await runtime.services.lifecycle.get(tenantId, parent.execution_id)).output).toEqual({
        child: { word: "hello" },
      });
      const { execution: other } = await runtime.submit("test.fast_parent");
      await expect.poll(() => upkeep(other.execution_id)).toBe("completed");
    });
  });

  describe("when Redis is wiped", () => {
    it("what was fast and not archived yet is lost, and nothing else is", async () => {
      const { runtime, store, another, tenantId } = await open();
      const strict = await runtime.run("test.careful");
      const archived = await runtime.run("test.quick");
      await carry(store);
      const lost = await runtime.run("test.quick", {}, { idempotencyKey: "k" });
      await lab.admin.flushall();
      for (const reader of [store, another()]) {
        expect(await reader.readExecution(tenantId, lost.execution_id)).toBeUndefined();
        expect((await reader.readExecution(tenantId, strict.execution_id))?.head["status"]).toBe("completed");
        const copy = await reader.readExecution(tenantId, archived.execution_id);
        expect(copy?.head).toEqual(JSON.parse(JSON.stringify({ ...archived, steps: undefined })));
      }
      expect(await runtime.services.log.verify(tenantId, archived.execution_id)).toBeUndefined();
      // Its key went with it: the same key is a new execution now.
      const again = await runtime.submit("test.quick", {}, { idempotencyKey: "k" });
      expect(again.fresh).toBe(true);
      expect(again.execution.execution_id).not.toBe(lost.execution_id);
    });

    it("a strict parent whose fast child was lost with it calls it again, and does not wait for ever", async () => {
      const { runtime, store, tenantId } = await open();
      const { execution } = await runtime.submit("test.strict_parent");
      const { execution_id: executionId } = execution;
      const stateOf = (id: typeof executionId) => runtime.services.lifecycle.get(tenantId, id);
      await expect.poll(async () => (await stateOf(executionId)).status).toBe("suspended");
      const child = (await stateOf(executionId)).steps[0]?.child_execution_id ?? executionId;
      await expect.poll(async () => (await stateOf(child)).status).toBe("suspended");
      await lab.admin.flushall();
      const soon = { nowMs: Date.now() + 600_000, limit: 9 };
      expect(await store.due(soon)).toEqual([{ tenantId, executionId }]);
      runtime.services.recovery.wake({ tenantId, executionId });
      await expect.poll(() => stateOf(child).then(({ status }) => status, String)).toBe("suspended");
      await runtime.services.control.signal(tenantId, child, { name: "word", payload: "again" });
      await expect
        .poll(async () => {
          await carry(store);
          await runtime.services.recovery.sweep();
          return (await stateOf(executionId)).output;
        })
        .toEqual({ child: { word: "again" } });
    });

    it("A3: a fast execution that was archived unfinished goes on in the cold store, once and from where the archive is", async () => {
      const { runtime, store, tenantId } = await open();
      const { execution } = await runtime.submit("test.patient");
      const ref = { tenantId, executionId: execution.execution_id };
      await expect
        .poll(async () => (await store.readExecution(tenantId, ref.executionId))?.head["status"])
        .toBe("suspended");
      await carry(store);
      const later = { nowMs: Date.now() + 600_000, deadAfterMs: 3_000, limit: 9 };
      // While Redis has it, it is only put off.
      expect(await store.due(later)).toEqual([]);
      expect(await store.abandoned(later)).toEqual([]);
      await lab.admin.flushall();
      expect(await store.due({ ...later, nowMs: later.nowMs + 600_000 })).toEqual([ref]);
      runtime.services.recovery.wake(ref);
      await runtime.services.control.signal(tenantId, ref.executionId, { name: "word", payload: "after" });
      await expect
        .poll(async () => {
          await runtime.services.recovery.sweep();
          return (await runtime.services.lifecycle.get(tenantId, ref.executionId)).output;
        })
        .toEqual({ word: "after" });
      expect(await runtime.services.log.verify(tenantId, ref.executionId)).toBeUndefined();
      expect(await runtime.services.lifecycle.replay(tenantId, ref.executionId)).toEqual(
        await runtime.services.lifecycle.get(tenantId, ref.executionId),
      );
    });
  });

  it("C2: while the cold store is away a pass over the notices asks it once, and the next one delivers them all", async () => {
    let asked = 0;
    let isAway = false;
    const sqlite = createSqliteStore(":memory:");
    const away = new RuntimeError("store.unavailable", "Away.", { status: 503, retryable: true });
    const cold: ExecutionStore = {
      ...sqlite,
      accept: (acceptance) => {
        asked += 1;
        return isAway ? Promise.reject(away) : sqlite.accept(acceptance);
      },
      ping: () => (isAway ? Promise.reject(away) : sqlite.ping()),
    };
    const { store } = openTiered({ cold, redisUrl: lab.url() });
    const runtime = await openRuntime({ store, intents });
    onTestFinished(async () => {
      await runtime[Symbol.asyncDispose]();
      await store.close();
      await sqlite.close();
    });
    await Promise.all(Array.from({ length: 5 }, () => runtime.run("test.quick")));
    asked = 0;
    isAway = true;
    await carry(store);
    expect(asked).toBe(1);
    isAway = false;
    await carry(store);
    expect((await store.listExecutions(runtime.tenantId, { status: "completed" }, { limit: 9 })).items).toHaveLength(5);
  });

  it("A2: of archivists that work at once none writes an entry twice, and one pass after them all is archived", async () => {
    const { runtime, store, sqlite, another, tenantId } = await open();
    const rivals = [another(), another()];
    const runs = Array.from({ length: 20 }, () => runtime.run("test.quick"));
    await Promise.all([...runs, ...rivals.map(carry), carry(store)]);
    const executions = await Promise.all(runs);
    await Promise.all(rivals.map(carry));
    await carry(store);
    for (const { execution_id: executionId } of executions) {
      const filter = { executionId, order: "chronological" } as const;
      expect(await sqlite.readLog(tenantId, filter, { limit: 99 })).toEqual(
        await store.readLog(tenantId, filter, { limit: 99 }),
      );
    }
    expect((await store.listExecutions(tenantId, { live: true }, { limit: 99 })).items).toEqual([]);
    expect(await carry(store)).toBe(0);
  });
});
