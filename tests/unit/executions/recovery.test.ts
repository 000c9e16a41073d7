import { describe, expect, it, vi } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import type { ExecutionId, TenantId } from "../../../shared/ids.ts";
import type { Commit, ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { createStoreClock } from "../../../shared/store-clock.ts";
import { createGate, type Gate } from "../../kit/gate.ts";
import { openLab } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, testIds, type TestRuntime } from "../../kit/runtime.ts";
import { createManualClock } from "../manual-clock.ts";

const trivial = plainIntent("test.trivial")
  .step("one", { run: ({ attempt }) => ({ attempt }) })
  .step("two", { run: ({ attempt }) => ({ attempt }) })
  .returns(({ outputs }) => outputs);

/** Submits an intent whose worker dies with its first step under way, and returns the execution that it leaves. */
async function abandonedBy(first: TestRuntime, intentType: string) {
  const { execution } = await first.submit(intentType);
  await first.services.lifecycle.stop(0);
  return execution.execution_id;
}

/** What a step does whose first attempt hangs until the gate opens. */
async function firstWaits(gate: Gate, attempt: number) {
  if (attempt === 1) await gate.pass();
  return { attempt };
}

const endOf = (runtime: TestRuntime, tenantId: TenantId, executionId: ExecutionId) =>
  runtime.services.lifecycle.wait(tenantId, executionId, 1_000);

describe("recovery", () => {
  it("tells in one line of all that it cannot take up for the same reason", async () => {
    const inner = createSqliteStore(":memory:");
    const away = new RuntimeError("store.unavailable", "It is away.", { status: 503, retryable: true });
    const store: ExecutionStore = { ...inner, claim: () => Promise.reject(away) };
    {
      await using runtime = await openRuntime({ intents: [trivial], store });
      const { recovery } = runtime.services;
      for (let n = 0; n < 20; n += 1)
        recovery.remember({ tenantId: runtime.tenantId, executionId: testIds.execution() });
      expect(await recovery.sweep()).toMatchObject({ takenUp: 0 });
      const told = runtime.logged.filter(({ message }) => message === "an execution cannot be taken up");
      expect(told).toMatchObject([{ tenant_id: "acme", error_code: "store.unavailable", and_others: 19 }]);
    }
    await inner.close();
  });

  it("V1: takes up within one sweep what a dead worker left, once it counts as dead", async () => {
    const clock = createManualClock();
    const gate = createGate();
    const definition = plainIntent("test.gated")
      .step("only", { run: ({ attempt }) => firstWaits(gate, attempt) })
      .returns(({ outputs }) => outputs.only);
    const store = createSqliteStore(":memory:");
    {
      // A frozen worker: it holds the execution, and its clock, on which it beats, stands still.
      await using frozen = await openRuntime({ intents: [definition], clock: createManualClock(), store });
      await using alive = await openRuntime({ intents: [definition], clock, store });
      const { execution } = await frozen.submit("test.gated");
      await clock.advance(3_000);
      expect(await alive.services.recovery.sweep()).toMatchObject({ takenUp: 0 });
      await clock.advance(1);
      expect(await alive.services.recovery.sweep()).toMatchObject({ takenUp: 1 });
      const ended = await endOf(alive, frozen.tenantId, execution.execution_id);
      expect(ended).toMatchObject({ status: "completed", output: { attempt: 2 } });
      const entries = await Array.fromAsync(
        alive.services.log.replay(frozen.tenantId, { executionId: execution.execution_id }),
      );
      expect(entries.map(({ event_type }) => event_type)).toContain("execution_resumed");
      gate.open();
    }
    await store.close();
  });

  it.each([30_000, -30_000])(
    "V1: the first sweep of a process goes by the store's time already, when its clock is off by %i ms",
    async (offMs) => {
      const clock = createManualClock();
      const gate = createGate();
      const definition = plainIntent("test.gated")
        .step("only", { run: ({ attempt }) => firstWaits(gate, attempt) })
        .returns(({ outputs }) => outputs.only);
      const inner = createSqliteStore(":memory:");
      const openWrong = () => {
        const own = { now: () => clock.now() + offMs, sleep: clock.sleep };
        const wrong = createStoreClock({ own, elapsedMs: () => clock.now() });
        const hearing = async <Result>(call: () => Promise<Result>): Promise<Result> => {
          const hear = wrong.listen();
          const result = await call();
          hear(clock.now());
          return result;
        };
        const beat: ExecutionStore["beat"] = (...args) => hearing(() => inner.beat(...args));
        const abandoned: ExecutionStore["abandoned"] = (query) => hearing(() => inner.abandoned(query));
        return openRuntime({ intents: [definition], clock: wrong, store: { ...inner, beat, abandoned } });
      };
      {
        await using frozen = await openRuntime({ intents: [definition], clock: createManualClock(), store: inner });
        await frozen.submit("test.gated");
        await clock.advance(3_000);
        await using early = await openWrong();
        expect(await early.services.recovery.sweep()).toMatchObject({ takenUp: 0 });
        await clock.advance(1);
        await using late = await openWrong();
        expect(await late.services.recovery.sweep()).toMatchObject({ takenUp: 1 });
        gate.open();
      }
      await inner.close();
    },
  );

  it("goes on after the last recorded step, and runs none again that is recorded", async () => {
    const gate = createGate();
    const first = vi.fn<() => object>(() => ({}));
    const definition = plainIntent("test.two")
      .step("first", { run: first as never })
      .step("second", { run: ({ attempt }) => firstWaits(gate, attempt) })
      .returns(({ outputs }) => outputs.second);
    const store = createSqliteStore(":memory:");
    {
      await using one = await openRuntime({ intents: [definition], store });
      const { execution } = await one.submit("test.two");
      await vi.waitFor(() => expect(gate.arrived).toBe(1));
      await one.services.lifecycle.stop(0);
      await using two = await openRuntime({ intents: [definition], store });
      await two.services.recovery.sweep();
      expect(await endOf(two, one.tenantId, execution.execution_id)).toMatchObject({ output: { attempt: 2 } });
      expect(first).toHaveBeenCalledTimes(1);
    }
    await store.close();
  });

  it("V1: an acceptance whose answer was lost is run by the worker that asked", async () => {
    const inner = createSqliteStore(":memory:");
    let lost = false;
    const store: ExecutionStore = {
      ...inner,
      accept: async (acceptance) => {
        const outcome = await inner.accept(acceptance);
        if (lost) return outcome;
        lost = true;
        throw new Error("the answer was lost");
      },
    };
    {
      await using on = await openRuntime({ intents: [trivial], store });
      await expect(on.submit("test.trivial", {}, { idempotencyKey: "k" })).rejects.toThrow("lost");
      const repeat = await on.submit("test.trivial", {}, { idempotencyKey: "k" });
      expect(repeat).toMatchObject({ fresh: false, execution: { status: "running" } });
      expect(await on.services.recovery.sweep()).toMatchObject({ takenUp: 1 });
      expect(await endOf(on, on.tenantId, repeat.execution.execution_id)).toMatchObject({ status: "completed" });
      expect(await on.services.recovery.sweep()).toMatchObject({ takenUp: 0 });
    }
    await inner.close();
  });

  it.each([
    ["before it was applied", false, 1],
    ["after it was applied", true, 1],
    ["before it was applied", false, 2],
    ["after it was applied", true, 2],
  ])(
    "V1: a commit that fails %s (%s, commit %d) gives the execution up; the next sweep completes it",
    async (_, applied, nth) => {
      const inner = createSqliteStore(":memory:");
      let commits = 0;
      const store: ExecutionStore = {
        ...inner,
        commit: async (commit) => {
          commits += 1;
          if (commits !== nth) return inner.commit(commit);
          if (applied) await inner.commit(commit);
          throw new Error("the store went away");
        },
      };
      {
        await using on = await openRuntime({ intents: [trivial], store });
        const { execution } = await on.submit("test.trivial");
        await vi.waitFor(() =>
          expect(on.logged).toContainEqual(expect.objectContaining({ error: "the store went away" })),
        );
        await on.services.recovery.sweep();
        const ended = await endOf(on, on.tenantId, execution.execution_id);
        expect(ended).toMatchObject({ status: "completed", steps: [{ step_name: "one" }, { step_name: "two" }] });
        expect(await on.services.lifecycle.replay(on.tenantId, execution.execution_id)).toEqual(ended);
        const { log } = on.services;
        expect(await log.verify(on.tenantId, execution.execution_id)).toBeUndefined();
        const resumed = { executionId: execution.execution_id, eventType: "execution_resumed" };
        // A lost answer to the last commit leaves nothing to resume.
        const expected = applied && nth === 2 ? 0 : 1;
        expect(await Array.fromAsync(log.replay(on.tenantId, resumed))).toHaveLength(expected);
      }
      await inner.close();
    },
  );

  it("takes up no more than the process may hold, and the rest with the sweeps after", async () => {
    const gate = createGate();
    const definition = plainIntent("test.gated")
      .step("only", { run: async () => ({ passed: await gate.pass().then(() => true) }) })
      .returns(() => ({}));
    const store = createSqliteStore(":memory:");
    {
      await using one = await openRuntime({ intents: [definition], store });
      for (let n = 0; n < 5; n += 1) await one.submit("test.gated");
      await one.services.lifecycle.stop(0);
      const config = { maxRunning: 2, maxQueued: 1 };
      await using two = await openRuntime({ intents: [definition], store, config });
      expect(await two.services.recovery.sweep()).toMatchObject({ takenUp: 3 });
      expect(await two.services.recovery.sweep()).toMatchObject({ takenUp: 0 });
      gate.open();
      await vi.waitFor(async () => expect(await two.services.recovery.sweep()).toMatchObject({ takenUp: 2 }));
    }
    await store.close();
  });

  it("fails an execution whose intent this build does not have, and says so in the log", async () => {
    const store = createSqliteStore(":memory:");
    {
      await using one = await openRuntime({ intents: [trivial], store });
      const executionId = await abandonedBy(one, "test.trivial");
      await using two = await openRuntime({ intents: [], store });
      await two.services.recovery.sweep();
      const message = "No handler found for intent type: test.trivial";
      expect(await endOf(two, one.tenantId, executionId)).toMatchObject({
        status: "failed",
        error: { code: "intent.no_handler", message },
      });
      const entries = await Array.fromAsync(two.services.log.replay(one.tenantId, { executionId }));
      expect(entries.at(-1)).toMatchObject({ event_type: "execution_failed", payload: { error: { message } } });
    }
    await store.close();
  });

  it("lets an execution adopt a newer version of its plan that leaves what it began as it was", async () => {
    const store = createSqliteStore(":memory:");
    {
      await using one = await openRuntime({ intents: [trivial], store });
      const executionId = await abandonedBy(one, "test.trivial");
      await using two = await openRuntime({ intents: [{ ...trivial, version: 2 }], store });
      await two.services.recovery.sweep();
      expect(await endOf(two, one.tenantId, executionId)).toMatchObject({ status: "completed", intent_version: 2 });
    }
    await store.close();
  });

  it.each([
    [9, "completed", 1],
    [10, "failed", 0],
  ])("a step whose worker died %d times ends as %s", async (deaths, status, runs) => {
    const store = createSqliteStore(":memory:");
    {
      const gate = createGate();
      const run = vi.fn<(attempt: number) => void>();
      const definition = plainIntent("test.poison")
        .step("only", {
          run: async ({ attempt }) => {
            if (attempt === 1) await gate.pass();
            else run(attempt);
            return {};
          },
        })
        .returns(() => ({}));
      await using one = await openRuntime({ intents: [definition], store });
      const { execution } = await one.submit("test.poison");
      await vi.waitFor(() => expect(gate.arrived).toBe(1));
      await one.services.lifecycle.stop(0);
      const executionId = execution.execution_id;
      for (let death = 2; death <= deaths; death += 1) {
        const workerId = testIds.worker();
        const times = { nowMs: Date.now(), deadAfterMs: 3_000 };
        const claim = await store.claim({ tenantId: one.tenantId, executionId, workerId, ...times });
        expect(claim).toMatchObject({ outcome: "claimed", epoch: death });
        await store.retire(workerId);
      }
      await using two = await openRuntime({ intents: [definition], store });
      await two.services.recovery.sweep();
      const ended = await endOf(two, one.tenantId, executionId);
      expect(ended.status).toBe(status);
      if (status === "failed") expect(ended.error).toMatchObject({ code: "step.kills_workers", step_name: "only" });
      expect(run).toHaveBeenCalledTimes(runs);
    }
    await store.close();
  });
});

it("E7: closes what had ended before its store was told so, and records nothing after its end", async () => {
  const commits: Commit[] = [];
  let closes = false;
  const over = (inner: ExecutionStore) => ({
    claim: async (request: Parameters<typeof inner.claim>[0]) => {
      const execution = await inner.readExecution(request.tenantId, request.executionId);
      if (!closes || execution === undefined) return inner.claim(request);
      return { outcome: "claimed", epoch: 2, execution: { ...execution, epoch: 2 } } as const;
    },
    commit: (commit: Commit) => {
      if (!closes) return inner.commit(commit);
      commits.push(commit);
      return Promise.resolve({ outcome: "committed", held: false, mail: false } as const);
    },
  });
  await using on = await openLab({ intents: [trivial], over });
  const { execution_id: executionId } = await on.play(trivial.type, "completed");
  await on.first.services.lifecycle.idle();
  closes = true;
  await on.first.services.recovery.resume({ tenantId: on.tenantId, executionId });
  await on.first.services.lifecycle.idle();
  expect(commits).toMatchObject([{ epoch: 2, state: { status: "completed", terminal: true } }]);
  expect(commits[0]?.change).toEqual({ records: [], log: [], outbox: [], mail: [] });
});

it("V2: takes up what it was given late, long after the acceptance was given up and looked for in vain", async () => {
  const gate = createGate();
  const long = plainIntent("test.long")
    .step("works", { timeout: "50m", run: () => gate.pass().then(() => ({})) })
    .returns(() => ({}));
  let land: (() => Promise<unknown>) | undefined;
  const over = (inner: ExecutionStore) => ({
    accept: (acceptance: Parameters<typeof inner.accept>[0]) => {
      if (acceptance.intentType !== trivial.type || land !== undefined) return inner.accept(acceptance);
      land = () => inner.accept(acceptance);
      return Promise.reject(new RuntimeError("store.unavailable", "Away.", { status: 503, retryable: true }));
    },
  });
  await using on = await openLab({ intents: [trivial, long], over });
  // It has other work, and so it lives.
  await on.submit("test.long");
  await vi.waitFor(() => expect(gate.arrived).toBe(1));
  await expect(on.submit(trivial.type)).rejects.toMatchObject({ code: "store.unavailable" });
  for (let second = 0; second < 100; second += 1) {
    await on.clock.advance(1_000);
    await on.first.services.recovery.sweep();
  }
  await land?.();
  for (let second = 0; second < 200; second += 1) {
    await on.clock.advance(1_000);
    await on.first.services.recovery.sweep();
  }
  const found = await on.store.listExecutions(on.tenantId, { intentType: trivial.type }, { limit: 9 });
  expect(found.items.map((head) => head["status"])).toEqual(["completed"]);
  expect(on.counting.claims.length).toBeLessThan(20);
  gate.open();
});

it("V3: makes a claim that got no answer again under its own id, and the next one under another", async () => {
  let away = true;
  const over = (inner: ExecutionStore) => ({
    claim: (request: Parameters<typeof inner.claim>[0]) => {
      if (!away) return inner.claim(request);
      return Promise.reject(new RuntimeError("store.unavailable", "Away.", { status: 503, retryable: true }));
    },
  });
  const sleeper = plainIntent("test.sleeper")
    .sleep("first", { delay: "1m" })
    .sleep("second", { delay: "1m" })
    .returns(() => ({}));
  await using on = await openLab({ intents: [sleeper], over });
  const { execution_id } = await on.play("test.sleeper", "suspended");
  await on.clock.advance(60_000);
  for (let sweep = 0; sweep < 2; sweep += 1) await on.first.services.recovery.sweep();
  away = false;
  await on.first.services.recovery.sweep();
  await vi.waitFor(async () => expect(await on.due()).toEqual([]));
  await on.reach(execution_id, "suspended");
  await on.clock.advance(60_000);
  await on.first.services.recovery.sweep();
  await on.reach(execution_id, "completed");
  const ids = on.counting.claims.map(({ claimId }) => claimId);
  const [first, ...others] = ids;
  expect(first).toBeDefined();
  const again = ids.lastIndexOf(first);
  expect(again).toBeGreaterThanOrEqual(2);
  expect(ids.slice(0, again + 1)).toEqual(Array(again + 1).fill(first));
  expect(new Set(others.slice(again)).size).toBe(others.slice(again).length);
});
