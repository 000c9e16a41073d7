import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { jsonObject, type JsonObject } from "../../../shared/json.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import type { RecordKind } from "../../../shared/state/record-kind.ts";
import { countingStore } from "../../kit/counting-store.ts";
import { createGate } from "../../kit/gate.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, testIds, type TestRuntimeOptions } from "../../kit/runtime.ts";
import { createManualClock } from "../manual-clock.ts";

const counterKind: RecordKind<{ n: number }> = {
  name: "counter",
  schema: z.object({ n: z.number() }),
  facets: () => [],
};

const FILE = { artifact_type: "file", semantic_descriptor: { schema: "x" }, data_classification: "client" } as const;

/** A runtime over a counting store. */
async function open(options: TestRuntimeOptions & { over?: (inner: ExecutionStore) => Partial<ExecutionStore> }) {
  const inner = createSqliteStore(":memory:");
  const counting = countingStore({ ...inner, ...options.over?.(inner) });
  const runtime = await openRuntime({ ...options, store: counting.store });
  return {
    ...runtime,
    counting,
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await inner.close();
    },
  };
}

const registered = plainIntent("test.registered")
  .step("register", {
    run: async ({ artifacts, ids }) => {
      return { id: (await artifacts.register({ artifact_id: ids.file(), ...FILE })).artifact_id };
    },
  })
  .step("fail", {
    run: async ({ emit, artifacts, ids }) => {
      emit("never_told", {});
      await artifacts.register({ artifact_id: ids.file(), ...FILE });
      throw new RuntimeError("test.refused", "No.", { status: 422, details: { why: "because" } });
    },
  })
  .returns(() => ({}));

describe("running an execution", () => {
  it.each([1, 2, 3, 6])("E1: a saga of %d steps takes one commit more than it has steps", async (count) => {
    let builder = plainIntent("test.steps");
    for (let n = 1; n <= count; n += 1) builder = builder.step(`s${n}`, { run: () => ({ n }) });
    await using on = await open({ intents: [builder.returns(() => ({}))] });
    const writes = on.counting.writes.length;
    const execution = await on.run("test.steps");
    expect(execution.status).toBe("completed");
    expect(execution.steps.map(({ status, outputs }) => [status, outputs])).toEqual(
      Array.from({ length: count }, (_, n) => ["completed", { n: n + 1 }]),
    );
    expect(on.counting.acceptances.length + on.counting.commits.length).toBe(count + 1);
    expect(on.counting.writes.length).toBe(writes);
    expect(on.counting.claims).toEqual([]);
  });

  it("E1: the commit that records a step also records the start of the next, and the last one the end", async () => {
    const two = plainIntent("test.two")
      .step("one", { run: () => ({}) })
      .step("two", { run: () => ({}) });
    await using on = await open({ intents: [two.returns(() => ({}))] });
    await on.run("test.two");
    const types = on.counting.commits.map(({ change }) => change.log.map(({ eventType }) => eventType));
    expect(on.counting.acceptances[0]?.change.log.map(({ eventType }) => eventType)).toEqual([
      "intent_received",
      "execution_started",
      "saga_started",
      "step_started",
    ]);
    expect(types).toEqual([
      ["step_completed", "step_started"],
      ["step_completed", "execution_completed"],
    ]);
  });

  it("steps see their input, what the steps before them returned, their key and their attempt", async () => {
    const seen: unknown[] = [];
    const definition = plainIntent("test.seen")
      .step("one", { run: () => ({ a: 1 }) })
      .step("two", {
        run: ({ input, outputs, key, attempt, deadline }) => {
          seen.push(input, { ...outputs }, key, attempt, deadline());
          return { b: outputs.one.a + 1 };
        },
      })
      .returns(({ input, outputs }) => ({ input, ...outputs.one, ...outputs.two }));
    await using on = await open({ intents: [definition], clock: createManualClock() });
    const execution = await on.run("test.seen", { given: [1] });
    expect(seen).toEqual([{ given: [1] }, { one: { a: 1 } }, `${execution.execution_id}/two`, 1, 60_000]);
    expect(execution.output).toEqual({ input: { given: [1] }, a: 1, b: 2 });
  });

  it("E2: a step's result, records, log entries and events are one commit", async () => {
    const definition = plainIntent("test.effects")
      .step("only", {
        run: async ({ state, artifacts, emit, ids }) => {
          state.put(counterKind, "c", { n: 1 });
          const { artifact_id } = await artifacts.register({ artifact_id: ids.file(), ...FILE });
          await artifacts.move(artifact_id, "READY");
          emit("thing_happened", { n: 1 });
          return { done: true };
        },
      })
      .returns(() => ({}));
    await using on = await open({ intents: [definition] });
    const execution = await on.run("test.effects");
    const [commit, ...others] = on.counting.commits;
    expect(others).toEqual([]);
    expect(commit?.change.records.map(({ kind }) => kind)).toEqual(["counter", "artifact"]);
    expect(commit?.change.log.map(({ eventType }) => eventType)).toEqual([
      "artifact_registered",
      "artifact_lifecycle_changed",
      "step_completed",
      "execution_completed",
    ]);
    expect(commit?.change.outbox.map(({ attributes }) => attributes["ce_type"])).toEqual([
      "thing_happened",
      "execution_completed",
    ]);
    expect(commit?.change.outbox.every(({ orderingKey }) => orderingKey === execution.execution_id)).toBe(true);
    expect(execution.artifacts).toMatchObject([{ artifact_type: "file", lifecycle_state: "READY" }]);
  });

  it("E3: a fenced worker stops and writes nothing more", async () => {
    const gate = createGate();
    const third = vi.fn<() => JsonObject>(() => ({}));
    const definition = plainIntent("test.fenced")
      .step("wait", { run: async () => ({ passed: await gate.pass().then(() => true) }) })
      .step("second", { run: third })
      .returns(() => ({}));
    await using on = await open({ intents: [definition] });
    const { execution } = await on.submit("test.fenced");
    const ref = { tenantId: on.tenantId, executionId: execution.execution_id };
    await on.store.retire(on.counting.acceptances[0]?.workerId ?? testIds.worker());
    const claim = { ...ref, workerId: testIds.worker(), nowMs: Date.now(), deadAfterMs: 3_000 };
    expect(await on.store.claim(claim)).toMatchObject({ outcome: "claimed", epoch: 2 });
    const before = await on.store.readExecution(on.tenantId, execution.execution_id);
    gate.open();
    await on.services.lifecycle.wait(on.tenantId, execution.execution_id, 20);
    expect(on.counting.commits).toHaveLength(1);
    expect(third).not.toHaveBeenCalled();
    expect(await on.store.readExecution(on.tenantId, execution.execution_id)).toEqual(before);
    expect(await on.store.unpublished(9)).toEqual([]);
  });

  it("E4: a failing step fails the execution, and its PENDING artifacts in the same commit", async () => {
    await using on = await open({ intents: [registered] });
    const execution = await on.run("test.registered");
    const failure = {
      code: "test.refused",
      message: "No.",
      status: 422,
      step_name: "fail",
      details: { why: "because" },
    };
    expect(execution).toMatchObject({
      status: "failed",
      error: failure,
      steps: [{ status: "completed" }, { status: "failed", error: failure }],
      artifacts: [{ lifecycle_state: "FAILED" }],
    });
    const last = on.counting.commits.at(-1);
    expect(last?.state.status).toBe("failed");
    expect(last?.change.records).toMatchObject([
      { kind: "artifact", body: { lifecycle_state: "FAILED", failure: { code: "test.refused" } } },
      { kind: "abandoned_bytes" },
    ]);
    expect(last?.change.log.map(({ eventType }) => eventType)).toEqual([
      "step_failed",
      "artifact_lifecycle_changed",
      "execution_failed",
    ]);
    expect(last?.change.outbox.map(({ attributes }) => attributes["ce_type"])).toEqual(["execution_failed"]);
  });

  it("E4: leaves an artifact that is READY as it is", async () => {
    const definition = plainIntent("test.ready")
      .step("make", {
        run: async ({ artifacts, ids }) => {
          const { artifact_id } = await artifacts.register({ artifact_id: ids.file(), ...FILE });
          await artifacts.move(artifact_id, "READY");
          return {};
        },
      })
      .step("fail", { run: () => Promise.reject(new RuntimeError("test.refused", "No.")) })
      .returns(() => ({}));
    await using on = await open({ intents: [definition] });
    expect(await on.run("test.ready")).toMatchObject({ status: "failed", artifacts: [{ lifecycle_state: "READY" }] });
  });

  it("E4: fails also when somebody else has already failed its PENDING artifact", async () => {
    const meddle = plainIntent("test.meddle")
      .step("only", {
        run: async ({ artifacts, input }) => {
          await artifacts.move(String(input["id"]) as ReturnType<typeof testIds.file>, "FAILED");
          return {};
        },
      })
      .returns(() => ({}));
    const gate = createGate();
    const victim = plainIntent("test.victim")
      .step("make", {
        run: async ({ artifacts, ids }) => {
          return { id: (await artifacts.register({ artifact_id: ids.file(), ...FILE })).artifact_id };
        },
      })
      .step("fail", {
        run: async ({ outputs }) => {
          await gate.pass();
          throw new RuntimeError("test.refused", String(outputs.make.id));
        },
      })
      .returns(() => ({}));
    await using on = await open({ intents: [meddle, victim] });
    const { execution } = await on.submit("test.victim");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    const [artifact] = (await on.services.lifecycle.get(on.tenantId, execution.execution_id)).artifacts;
    await on.run("test.meddle", { id: artifact?.artifact_id ?? "" });
    gate.open();
    const ended = await on.services.lifecycle.wait(on.tenantId, execution.execution_id, 300);
    expect(ended.status).toBe("failed");
  });

  it("an unexpected error is recorded without its words, which only the log has", async () => {
    const definition = plainIntent("test.bug")
      .step("oops", { run: () => Promise.reject(new TypeError("secret-dsn is not a function")) })
      .returns(() => ({}));
    await using on = await open({ intents: [definition] });
    const execution = await on.run("test.bug");
    expect(execution.error).toMatchObject({ code: "step.unexpected", status: 500, step_name: "oops" });
    expect(JSON.stringify(execution)).not.toContain("secret-dsn");
    expect(on.logged).toContainEqual(
      expect.objectContaining({ severity: "ERROR", error_code: "TypeError", step: "oops" }),
    );
  });

  it("a result that does not have its declared shape fails the execution", async () => {
    const definition = intent("test.shape", {
      version: 1,
      description: "",
      input: z.object({}),
      output: z.object({ n: z.number() }),
    })
      .step("only", { run: () => ({}) })
      .returns(() => ({ n: Number.NaN }));
    await using on = await open({ intents: [definition] });
    expect(await on.run("test.shape")).toMatchObject({ status: "failed", error: { status: 500 } });
  });

  it("S6: a step whose record was changed by another runs again and sees the change", async () => {
    let runs = 0;
    const definition = plainIntent("test.increment")
      .step("add", {
        run: async ({ state, emit }) => {
          runs += 1;
          const found = await state.get(counterKind, "c");
          emit("added", { run: runs });
          state.put(counterKind, "c", { n: (found?.n ?? 0) + 1 });
          return { saw: found?.n ?? 0 };
        },
      })
      .returns(({ outputs }) => outputs.add);
    let meddled = false;
    await using on = await open({
      intents: [definition],
      over: (inner) => ({
        commit: async (commit) => {
          if (!meddled) {
            meddled = true;
            const write = { kind: "counter", id: "c", expectedVersion: 0, body: { n: 10 }, facets: [], sortMs: 0 };
            await inner.write(commit.tenantId, { records: [write], log: [], outbox: [], mail: [] });
          }
          return inner.commit(commit);
        },
      }),
    });
    const execution = await on.run("test.increment");
    expect(execution).toMatchObject({ status: "completed", output: { saw: 10 } });
    expect(execution.steps[0]?.events).toMatchObject([{ data: { run: 2 } }]);
    expect((await on.store.readRecord(on.tenantId, "counter", "c"))?.body).toEqual({ n: 11 });
    expect(runs).toBe(2);
  });

  it("S6: a step that keeps losing fails as contended, instead of trying for ever", async () => {
    let runs = 0;
    const definition = plainIntent("test.loser")
      .step("add", {
        run: async ({ state }) => {
          runs += 1;
          await state.get(counterKind, "c");
          state.put(counterKind, "c", { n: 1 });
          return {};
        },
      })
      .returns(() => ({}));
    await using on = await open({
      intents: [definition],
      over: (inner) => ({
        commit: async (commit) =>
          commit.change.records.length > 0 ? { outcome: "conflict", kind: "counter", id: "c" } : inner.commit(commit),
      }),
    });
    expect(await on.run("test.loser")).toMatchObject({
      status: "failed",
      error: { code: "record.contended", status: 409 },
    });
    expect(runs).toBe(6);
  });

  it("a step that takes longer than its time fails, and is told so by its signal", async () => {
    const clock = createManualClock();
    let reason: unknown;
    const definition = plainIntent("test.slow")
      .step("sleep", {
        timeout: "5s",
        retry: { maxAttempts: 1 },
        run: ({ signal }) =>
          new Promise<JsonObject>(() => {
            signal.addEventListener("abort", () => {
              reason = signal.reason;
            });
          }),
      })
      .returns(() => ({}));
    await using on = await open({ intents: [definition], clock });
    const { execution } = await on.submit("test.slow");
    await clock.advance(4_999);
    expect((await on.services.lifecycle.get(on.tenantId, execution.execution_id)).status).toBe("running");
    await clock.advance(1);
    const failed = await on.services.lifecycle.get(on.tenantId, execution.execution_id);
    expect(failed).toMatchObject({
      status: "failed",
      error: { code: "step.timed_out", status: 504, step_name: "sleep" },
    });
    expect(reason).toMatchObject({ code: "step.timed_out" });
  });

  it("a large output is parked: commits stay small, and the next step sees it whole", async () => {
    const large = { text: "x".repeat(300_000) };
    const definition = plainIntent("test.large")
      .step("make", { run: () => large })
      .step("measure", { run: ({ outputs }) => ({ length: outputs.make.text.length }) })
      .returns(({ outputs }) => ({ ...outputs.measure, ...outputs.make }));
    await using on = await open({ intents: [definition] });
    const execution = await on.run("test.large", { also: large });
    expect(execution).toMatchObject({ status: "completed", steps: [{}, { outputs: { length: 300_000 } }] });
    for (const written of [...on.counting.acceptances, ...on.counting.commits]) {
      expect(JSON.stringify(written).length).toBeLessThan(10_000);
    }
    const { claimCheck } = on.services;
    expect(await claimCheck.redeem(on.tenantId, execution.output ?? null)).toEqual({ length: 300_000, ...large });
  });

  it("an input schema that transforms its input is applied once", async () => {
    const definition = intent("test.transform", {
      version: 1,
      description: "",
      input: z.object({ when: z.string().transform((text) => text.length) }),
      output: jsonObject,
    })
      .step("only", { run: ({ input }) => ({ doubled: input.when * 2 }) })
      .returns(({ outputs }) => outputs.only);
    await using on = await open({ intents: [definition] });
    const { execution } = await on.submit("test.transform", { when: "four" });
    const ended = await on.services.lifecycle.wait(on.tenantId, execution.execution_id, 100);
    expect(ended).toMatchObject({ status: "completed", output: { doubled: 8 } });
  });
});
