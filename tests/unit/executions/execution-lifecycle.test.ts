import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { jsonObject } from "../../../shared/json.ts";
import { intent } from "../../../shared/sagas/intent.ts";
import { createGate } from "../../kit/gate.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { newSession, openRuntime, testIds } from "../../kit/runtime.ts";
import { createManualClock } from "../manual-clock.ts";

const echo = plainIntent("test.echo")
  .step("only", { run: ({ input }) => input })
  .returns(({ outputs }) => outputs.only);

const strict = intent("test.strict", {
  version: 1,
  description: "",
  input: z.strictObject({ file: z.strictObject({ id: z.string() }), depth: z.number().default(3) }),
  output: jsonObject,
})
  .step("only", { run: ({ input }) => input })
  .returns(({ outputs }) => outputs.only);

function gated() {
  const gate = createGate();
  const order: string[] = [];
  const definition = plainIntent("test.gated")
    .step("only", {
      run: async ({ input }) => {
        order.push(String(input["name"]));
        await gate.pass();
        return {};
      },
    })
    .returns(() => ({}));
  return { gate, order, definition };
}

describe("submitting an intent", () => {
  it("accepts it durably: the store has it before the answer", async () => {
    const { gate, definition } = gated();
    await using on = await openRuntime({ intents: [definition] });
    const { execution, fresh } = await on.submit("gated", { name: "a" }, { userId: "ann", solutionId: "s1" });
    expect(fresh).toBe(true);
    expect(execution).toMatchObject({ status: "running", intent_type: "test.gated", steps: [{ status: "started" }] });
    const stored = await on.store.readExecution(on.tenantId, execution.execution_id);
    expect(stored?.intent).toMatchObject({ parameters: { name: "a" }, user_id: "ann", solution_id: "s1" });
    gate.open();
  });

  it("refuses a type that it does not know, in the words that callers wait for", async () => {
    await using on = await openRuntime({ intents: [echo] });
    await expect(on.submit("test.nothing")).rejects.toMatchObject({
      code: "intent.unknown_type",
      status: 422,
      message: expect.stringContaining("No handler found for intent type: test.nothing"),
      faults: [{ path: "intent_type" }],
    });
  });

  it("names every parameter at fault by its path, and applies defaults to what it takes", async () => {
    await using on = await openRuntime({ intents: [strict] });
    await expect(on.submit("strict", { file: { id: 5 }, depth: "deep" })).rejects.toMatchObject({
      code: "intent.bad_parameters",
      status: 422,
      faults: [{ path: "parameters.file.id" }, { path: "parameters.depth" }],
    });
    expect((await on.run("strict", { file: { id: "f" } })).output).toEqual({ file: { id: "f" }, depth: 3 });
  });

  it("S5: the same key with the same body is the same execution, run once", async () => {
    await using on = await openRuntime({ intents: [echo] });
    const key = { idempotencyKey: "k" };
    const first = await on.run("test.echo", { a: 1, b: 2 }, key);
    const again = await on.submit("echo", { b: 2, a: 1 }, { ...key, traceId: testIds.trace() });
    expect(again).toMatchObject({ fresh: false, execution: { execution_id: first.execution_id, status: "completed" } });
    expect((await on.store.listExecutions(on.tenantId, {}, { limit: 9 })).items).toHaveLength(1);
  });

  it("S5: a repeat while the first is in flight answers with the running execution", async () => {
    const { gate, definition, order } = gated();
    await using on = await openRuntime({ intents: [definition] });
    const submissions = await Promise.all(
      Array.from({ length: 8 }, () => on.submit("gated", { name: "a" }, { idempotencyKey: "k" })),
    );
    expect(submissions.filter(({ fresh }) => fresh)).toHaveLength(1);
    expect(new Set(submissions.map(({ execution }) => execution.execution_id)).size).toBe(1);
    gate.open();
    await on.services.lifecycle.wait(on.tenantId, submissions[0]?.execution.execution_id ?? testIds.execution(), 1_000);
    expect(order).toEqual(["a"]);
  });

  it.each([
    ["parameters", [{ a: 2 }, {}]],
    ["metadata", [{ a: 1 }, { metadata: { x: 1 } }]],
    ["solution", [{ a: 1 }, { solutionId: "other" }]],
  ] as const)("S5: the same key with other %s is refused", async (_, [parameters, more]) => {
    await using on = await openRuntime({ intents: [echo] });
    const first = await on.run("test.echo", { a: 1 }, { idempotencyKey: "k" });
    await expect(on.submit("test.echo", parameters, { idempotencyKey: "k", ...more })).rejects.toMatchObject({
      code: "idempotency.other_body",
      status: 422,
      details: { execution_id: first.execution_id },
    });
  });

  it("S5: a key counts within its intent type, and an intent id of the caller's own is a key too", async () => {
    await using on = await openRuntime({ intents: [echo, strict] });
    const key = { idempotencyKey: "k" };
    const other = await on.run("strict", { file: { id: "f" } }, key);
    const one = await on.run("echo", {}, key);
    expect(one.execution_id).not.toBe(other.execution_id);
    const named = await on.run("echo", { n: 1 }, { intentId: "intent_mine" });
    expect(named.intent_id).toBe("intent_mine");
    expect(await on.submit("echo", { n: 1 }, { intentId: "intent_mine" })).toMatchObject({ fresh: false });
  });

  it("S5: a key is forgotten after 24 hours", async () => {
    const clock = createManualClock();
    await using on = await openRuntime({ intents: [echo], clock });
    const first = await on.run("echo", {}, { idempotencyKey: "k" });
    await clock.advance(24 * 3_600_000);
    const sessionId = await newSession(on.services, on.tenantId);
    const second = await on.submit("echo", {}, { idempotencyKey: "k", sessionId });
    expect(second.fresh).toBe(true);
    expect(second.execution.execution_id).not.toBe(first.execution_id);
  });

  it("W1: runs at most so many at once as it may, the others in the order in which they came", async () => {
    const { gate, order, definition } = gated();
    await using on = await openRuntime({ intents: [definition], config: { maxRunning: 2, maxQueued: 10 } });
    const submitted = [];
    for (const name of ["a", "b", "c", "d", "e"]) submitted.push(await on.submit("gated", { name }));
    await vi.waitFor(() => expect(gate.arrived).toBe(2));
    expect(order).toEqual(["a", "b"]);
    gate.open();
    for (const { execution } of submitted) {
      const ended = await on.services.lifecycle.wait(on.tenantId, execution.execution_id, 1_000);
      expect(ended.status).toBe("completed");
    }
    expect(order).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("takes in no more than it may hold, and says that a retry may succeed", async () => {
    const { gate, definition } = gated();
    await using on = await openRuntime({ intents: [definition], config: { maxRunning: 1, maxQueued: 1 } });
    await on.submit("gated", { name: "a" });
    const second = await on.submit("gated", { name: "b" });
    await expect(on.submit("gated", { name: "c" })).rejects.toMatchObject({
      code: "runtime.overloaded",
      status: 503,
      retryable: true,
    });
    gate.open();
    await on.services.lifecycle.wait(on.tenantId, second.execution.execution_id, 1_000);
    await vi.waitFor(async () => expect((await on.submit("gated", { name: "d" })).fresh).toBe(true));
  });
});

describe("asking for an execution", () => {
  it("S7: one of another tenant is as absent as one that never was", async () => {
    await using on = await openRuntime({ intents: [echo] });
    const { execution_id } = await on.run("echo");
    const { lifecycle } = on.services;
    const rival = trustedTenantId("rival");
    const absent = { code: "execution.not_found", status: 404 };
    for (const ask of [
      lifecycle.get(rival, execution_id),
      lifecycle.replay(rival, execution_id),
      lifecycle.wait(rival, execution_id, 0),
      lifecycle.get(on.tenantId, testIds.execution()),
      lifecycle.replay(on.tenantId, testIds.execution()),
    ]) {
      await expect(ask).rejects.toMatchObject(absent);
    }
  });

  it("waiting ends with the budget, with the execution as it is", async () => {
    const clock = createManualClock();
    const { gate, definition } = gated();
    await using on = await openRuntime({ intents: [definition], clock });
    const { execution } = await on.submit("gated", { name: "a" });
    let answer: unknown;
    const waiting = on.services.lifecycle.wait(on.tenantId, execution.execution_id, 5_000).then((at) => (answer = at));
    await clock.advance(4_999);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    expect(await waiting).toMatchObject({ status: "running" });
    gate.open();
  });

  it("waiting ends at once when the caller leaves", async () => {
    const { gate, definition } = gated();
    await using on = await openRuntime({ intents: [definition] });
    const { execution } = await on.submit("gated", { name: "a" });
    const caller = new AbortController();
    const waiting = on.services.lifecycle.wait(on.tenantId, execution.execution_id, 60_000, () => caller.signal);
    caller.abort();
    expect(await waiting).toMatchObject({ status: "running" });
    gate.open();
  });

  it("waiting sees the end of an execution that runs in another process", async () => {
    const { gate, definition } = gated();
    const store = createSqliteStore(":memory:");
    {
      await using here = await openRuntime({ intents: [definition], store });
      await using there = await openRuntime({ intents: [definition], store });
      const { execution } = await here.submit("gated", { name: "a" });
      const waiting = there.services.lifecycle.wait(here.tenantId, execution.execution_id, 3_000);
      gate.open();
      expect(await waiting).toMatchObject({ status: "completed" });
    }
    await store.close();
  });
});

describe("stopping", () => {
  it("takes in nothing more, lets running steps finish, and begins no further one", async () => {
    const clock = createManualClock();
    const gate = createGate();
    const second = vi.fn<() => object>(() => ({}));
    const definition = plainIntent("test.two")
      .step("first", { run: async () => ({ passed: await gate.pass().then(() => true) }) })
      .step("second", { run: second as never })
      .returns(() => ({}));
    await using on = await openRuntime({ intents: [definition], clock });
    const { execution } = await on.submit("test.two");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    const stopping = on.services.lifecycle.stop(8_000);
    await expect(on.submit("test.two")).rejects.toMatchObject({ code: "runtime.overloaded" });
    gate.open();
    await stopping;
    const left = await on.services.lifecycle.get(on.tenantId, execution.execution_id);
    expect(left).toMatchObject({ status: "suspended", steps: [{ status: "completed" }, { status: "started" }] });
    expect(second).not.toHaveBeenCalled();
  });

  it("stops a step that does not finish within the grace period; it has not failed, and another process completes it", async () => {
    const clock = createManualClock();
    const gate = createGate();
    const attempts: number[] = [];
    const definition = plainIntent("test.stuck")
      .step("only", {
        run: async ({ attempt }) => {
          attempts.push(attempt);
          if (attempt === 1) await gate.pass();
          return { attempt };
        },
      })
      .returns(({ outputs }) => outputs.only);
    const store = createSqliteStore(":memory:");
    {
      await using first = await openRuntime({ intents: [definition], clock, store });
      const { execution } = await first.submit("test.stuck");
      await vi.waitFor(() => expect(gate.arrived).toBe(1));
      let stopped = false;
      const stopping = first.services.lifecycle.stop(8_000).then(() => (stopped = true));
      await clock.advance(7_999);
      expect(stopped).toBe(false);
      await clock.advance(1);
      await stopping;
      const left = await first.services.lifecycle.get(first.tenantId, execution.execution_id);
      expect(left).toMatchObject({ status: "running", steps: [{ status: "started", attempt: 1 }] });

      await using second = await openRuntime({ intents: [definition], clock, store });
      expect(await second.services.recovery.sweep()).toMatchObject({ takenUp: 1 });
      const ended = await second.services.lifecycle.wait(first.tenantId, execution.execution_id, 1_000);
      expect(ended).toMatchObject({ status: "completed", output: { attempt: 2 } });
      expect(attempts).toEqual([1, 2]);
    }
    await store.close();
  });
});
