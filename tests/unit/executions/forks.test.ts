import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import type { Execution } from "../../../shared/executions/execution.ts";
import type { JsonObject } from "../../../shared/json.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createGate } from "../../kit/gate.ts";
import { type Lab, openLab, outline } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { testIds } from "../../kit/runtime.ts";

const repeat = () => ({ userId: undefined, traceId: testIds.trace() });

const forkFrom = async (on: Lab, old: Execution, step: string, parameters?: JsonObject) =>
  on.first.services.control.fork(on.tenantId, old.execution_id, step, { ...repeat(), parameters });

const retry = async (on: Lab, old: Execution) =>
  on.first.services.control.retry(on.tenantId, old.execution_id, repeat());

/** A plan with a node of every kind; each work says which it is. */
function everyKind() {
  const runs: string[] = [];
  const ran = (name: string) => {
    runs.push(name);
    return { name };
  };
  const child = plainIntent("test.child")
    .step("only", { run: () => ran("child") })
    .returns(({ outputs }) => outputs.only);
  const definition = plainIntent("test.every")
    .step("step", { run: () => ran("step") })
    .await("await", { schema: z.string(), timeout: "1h", onTimeout: "continue" })
    .sleep("sleep", { delay: "1s" })
    .parallel("parallel", {
      onFailure: "collect",
      branches: { a: { run: () => ran("a") }, b: { run: () => refuse() } },
    })
    .map("map", { over: () => [1, 2], concurrency: 1, run: (_, item) => ran(`item ${item}`) })
    .call("call", { intent: child, input: () => ({}) })
    .emit("emit", { event: () => ({ type: "told", data: {} }) })
    .step("skipped", { when: () => false, run: () => ran("skipped") })
    .step("last", { run: () => ran("last") })
    .returns(({ input, outputs }) => ({ ...input, ...outputs }));
  return { runs, intents: [child, definition] };
}

function refuse(): { name: string } {
  throw new TerminalError("test.refused", "No.");
}

async function finished(on: Lab, id: Execution["execution_id"]): Promise<Execution> {
  return vi.waitFor(async () => {
    await on.clock.advance(3_600_000);
    await on.first.services.recovery.sweep();
    const state = await on.state(id);
    expect(state.status).toBe("completed");
    return state;
  });
}

describe("forking", () => {
  it.each([
    ["step", ["step", "a", "item 1", "item 2", "child", "last"]],
    ["await", ["a", "item 1", "item 2", "child", "last"]],
    ["sleep", ["a", "item 1", "item 2", "child", "last"]],
    ["parallel", ["a", "item 1", "item 2", "child", "last"]],
    ["map", ["item 1", "item 2", "child", "last"]],
    ["call", ["child", "last"]],
    ["emit", ["last"]],
    ["skipped", ["last"]],
    ["last", ["last"]],
  ])(
    "from the node %s on: what came before is copied, the rest runs, and the result is the same",
    async (from, expected) => {
      const { runs, intents } = everyKind();
      await using on = await openLab({ intents });
      const old = await finished(on, await on.submit("test.every", { n: 1 }));
      runs.length = 0;
      const { execution, fresh } = await forkFrom(on, old, from);
      expect(fresh).toBe(true);
      const forked = await finished(on, execution.execution_id);
      expect(runs).toEqual(expected);
      expect(forked.output).toEqual(old.output);
      expect(outline(forked)).toEqual(outline(old));
      expect(forked.forked_from).toEqual({ execution_id: old.execution_id, step_name: from });
      expect(await on.state(old.execution_id)).toEqual(old);
    },
  );

  it("may take other parameters, which the steps that run see", async () => {
    const { intents } = everyKind();
    await using on = await openLab({ intents });
    const old = await finished(on, await on.submit("test.every", { n: 1 }));
    const { execution } = await forkFrom(on, old, "last", { n: 2 });
    expect((await finished(on, execution.execution_id)).output).toMatchObject({ n: 2 });
  });

  it("of one that is under way works up to what it has completed", async () => {
    const gate = createGate();
    const definition = plainIntent("test.busy")
      .step("one", { run: () => ({}) })
      .step("two", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .step("three", { run: () => ({}) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.busy");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    const old = await on.state(id);
    await expect(forkFrom(on, old, "three")).rejects.toMatchObject({ code: "fork.bad_step", status: 422 });
    const { execution } = await forkFrom(on, old, "two");
    gate.open();
    await on.reach(execution.execution_id, "completed");
    await on.reach(id, "completed");
  });

  it.each(["", "unknown", "parallel/a", "map/0", "__proto__"])(
    "from %j, which is no node, is refused",
    async (from) => {
      const { intents } = everyKind();
      await using on = await openLab({ intents });
      const old = await finished(on, await on.submit("test.every"));
      await expect(forkFrom(on, old, from)).rejects.toMatchObject({
        code: "fork.bad_step",
        status: 422,
        faults: [{ path: "from_step" }],
      });
    },
  );

  it("of one that does not exist is not found", async () => {
    await using on = await openLab({ intents: everyKind().intents });
    const control = on.first.services.control;
    await expect(control.fork(on.tenantId, testIds.execution(), "step", repeat())).rejects.toMatchObject({
      code: "execution.not_found",
    });
  });
});

describe("retrying", () => {
  const flaky = (bank: { open: boolean }, runs: string[]) => ({
    run: () => {
      runs.push("flaky");
      return bank.open ? { name: "flaky" } : refuse();
    },
  });

  it("a failed one is repeated from its failed step, as a new execution", async () => {
    const bank = { open: false };
    const runs: string[] = [];
    const definition = plainIntent("test.flaky")
      .step("one", {
        run: () => {
          runs.push("one");
          return {};
        },
      })
      .step("two", flaky(bank, runs))
      .returns(({ outputs }) => outputs.two);
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.flaky", "failed");
    bank.open = true;
    const { execution } = await retry(on, old);
    expect(execution.execution_id).not.toBe(old.execution_id);
    await on.reach(execution.execution_id, "completed");
    expect(runs).toEqual(["one", "flaky", "flaky"]);
  });

  it.each(["parallel", "map"] as const)("one that failed within a %s is repeated from there", async (kind) => {
    const bank = { open: false };
    const runs: string[] = [];
    const start = plainIntent("test.flaky").step("one", {
      run: () => {
        runs.push("one");
        return {};
      },
    });
    const definition =
      kind === "parallel"
        ? start.parallel("group", { branches: { a: flaky(bank, runs) } }).returns(() => ({}))
        : start.map("group", { over: () => [1], ...flaky(bank, runs) }).returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.flaky", "failed");
    bank.open = true;
    const { execution } = await retry(on, old);
    await on.reach(execution.execution_id, "completed");
    expect(runs).toEqual(["one", "flaky", "flaky"]);
  });

  it("a compensated one begins anew: what its steps did is undone", async () => {
    const bank = { open: false };
    const runs: string[] = [];
    const definition = plainIntent("test.flaky")
      .step("one", {
        run: () => {
          runs.push("one");
          return {};
        },
        undo: () => void runs.push("undo"),
      })
      .step("two", flaky(bank, runs))
      .returns(({ outputs }) => outputs.two);
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.flaky", "compensated");
    bank.open = true;
    const { execution } = await retry(on, old);
    await on.reach(execution.execution_id, "completed");
    expect(runs).toEqual(["one", "flaky", "undo", "one", "flaky"]);
  });

  it("a failed one whose artifact failed with it begins anew, with another artifact", async () => {
    const bank = { open: false };
    const runs: string[] = [];
    const definition = plainIntent("test.makes")
      .step("reserve", {
        run: async (ctx) => {
          runs.push("reserve");
          const artifact_id = ctx.ids.artifact();
          const semantic_descriptor = { schema: "bytes" };
          const draft = { artifact_id, artifact_type: "file", semantic_descriptor };
          await ctx.artifacts.register({ ...draft, data_classification: "client" });
          return { artifact_id };
        },
      })
      .step("work", flaky(bank, runs))
      .step("publish", {
        run: async (ctx) => {
          await ctx.artifacts.move(ctx.outputs.reserve.artifact_id, "READY");
          return {};
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.makes", "failed");
    expect(old.artifacts).toMatchObject([{ lifecycle_state: "FAILED" }]);
    bank.open = true;
    const { execution } = await retry(on, old);
    const { artifacts } = await on.reach(execution.execution_id, "completed");
    expect(artifacts).toMatchObject([{ lifecycle_state: "READY" }]);
    expect(artifacts[0]?.artifact_id).not.toBe(old.artifacts[0]?.artifact_id);
    expect(runs).toEqual(["reserve", "flaky", "reserve", "flaky"]);
  });

  it("a cancelled one begins anew", async () => {
    const definition = plainIntent("test.waits")
      .step("one", { run: () => ({}) })
      .await("go", { schema: z.string() })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.waits", "suspended");
    await on.first.services.control.cancel(on.tenantId, old.execution_id, true);
    await on.reach(old.execution_id, "cancelled");
    const { execution } = await retry(on, old);
    expect(outline(await on.reach(execution.execution_id, "suspended"))).toEqual(["one: completed", "go: started"]);
  });

  it("one that is under way, or has succeeded, is refused", async () => {
    const definition = plainIntent("test.waits")
      .await("go", { schema: z.string() })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.waits", "suspended");
    await expect(retry(on, old)).rejects.toMatchObject({ code: "execution.not_retryable", status: 409 });
    await on.first.services.control.signal(on.tenantId, old.execution_id, { name: "go", payload: "on" });
    await on.reach(old.execution_id, "completed");
    await expect(retry(on, old)).rejects.toMatchObject({ code: "execution.not_retryable", status: 409 });
  });
});
