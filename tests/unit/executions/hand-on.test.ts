import { describe, expect, it, vi } from "vitest";

import type { Children } from "../../../shared/executions/children.ts";
import { runExecution, type StopSignals } from "../../../shared/executions/runner.ts";
import { loadExecution } from "../../../shared/executions/stored-execution.ts";
import type { ExecutionId } from "../../../shared/ids.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { createGate } from "../../kit/gate.ts";
import { type Lab, openLab, outline } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { testIds } from "../../kit/runtime.ts";

const childless: Children = {
  find: () => Promise.reject(new Error("no children here")),
  accept: () => Promise.reject(new Error("no children here")),
  bury: () => Promise.reject(new Error("no children here")),
  cancel: () => Promise.reject(new Error("no children here")),
  output: () => Promise.reject(new Error("no children here")),
};

/** Claims an execution as a function that has `leftMs` to go, and runs it as far as that carries. */
async function runFunction(
  on: Lab,
  executionId: ExecutionId,
  leftMs: number | undefined,
  draining = new AbortController(),
) {
  const { services } = on.first;
  const claim = await on.store.claim({
    tenantId: on.tenantId,
    executionId,
    workerId: testIds.worker(),
    nowMs: on.clock.now(),
    deadAfterMs: 3_000,
  });
  if (claim.outcome !== "claimed") throw new Error(`it is ${claim.outcome}`);
  const deps = {
    ...services.adapters,
    surface: services.surface,
    bytes: services.artifactBytes,
    subjects: services.subjects,
    catalog: services.catalog,
    claimCheck: services.claimCheck,
    children: childless,
    guestSteps: services.guestSteps,
    onCommit: () => undefined,
  };
  const stop: StopSignals = {
    draining: draining.signal,
    stopping: new AbortController().signal,
    functionEndsMs: leftMs === undefined ? undefined : on.clock.now() + leftMs,
  };
  return runExecution(deps, loadExecution(claim.execution), stop);
}

/** An execution that was accepted, and put down before anything of it ran. */
async function accepted(definition: IntentDefinition) {
  const on = await openLab({ intents: [definition] });
  await on.first.services.recovery.sweep();
  const id = await on.submit(definition.type);
  return { on, id };
}

describe("a function that ends", () => {
  it("begins no step whose time does not fit into what it has left, and hands the execution on at once", async () => {
    const runs: string[] = [];
    const definition = plainIntent("test.long")
      .sleep("pause", { delay: "10d" })
      .step("short", {
        timeout: "10s",
        run: () => {
          runs.push("short");
          return {};
        },
      })
      .step("long", {
        timeout: "50s",
        run: () => {
          runs.push("long");
          return {};
        },
      })
      .returns(() => ({}));
    const { on, id } = await accepted(definition);
    await using lab = on;
    await lab.reach(id, "suspended");
    await lab.clock.advance(864_000_000);
    const handedOn = await runFunction(lab, id, 49_999);
    expect(runs).toEqual(["short"]);
    expect(handedOn).toMatchObject({ status: "suspended" });
    expect(outline(handedOn)).toEqual(["pause: completed", "short: completed", "long: started"]);
    expect((await lab.log(id)).at(-1)?.payload).toMatchObject({ reason: "handed_on" });
    expect(await lab.due()).toEqual([id]);
    expect(await runFunction(lab, id, 50_000)).toMatchObject({ status: "completed" });
    expect(runs).toEqual(["short", "long"]);
  });

  it("begins no further item of a list either, while others are still at work", async () => {
    const gate = createGate();
    const begun: number[] = [];
    const definition = plainIntent("test.list")
      .sleep("pause", { delay: "10d" })
      .map("each", {
        over: () => [0, 1, 2, 3],
        concurrency: 2,
        timeout: "30s",
        run: async (_, item) => {
          begun.push(item);
          if (item === 1) await gate.pass();
          if (item === 0) await on.clock.advance(1);
          return { item };
        },
      })
      .returns(({ outputs }) => ({ items: outputs.each.map(({ item }) => item) }));
    const { on, id } = await accepted(definition);
    await using lab = on;
    await lab.reach(id, "suspended");
    await lab.clock.advance(864_000_000);
    const running = runFunction(lab, id, 30_000);
    await vi.waitFor(async () => expect(outline(await lab.state(id))).toContain("each/0: completed"));
    gate.open();
    expect(await running).toMatchObject({ status: "suspended" });
    expect(begun).toEqual([0, 1]);
    expect(await runFunction(lab, id, undefined)).toMatchObject({ output: { items: [0, 1, 2, 3] } });
  });

  it("that is told to stop during a commit hands on what it began on record only, and ends", async () => {
    const draining = new AbortController();
    const run = vi.fn<() => Record<string, never>>(() => ({}));
    const definition = plainIntent("test.two")
      .sleep("pause", { delay: "10d" })
      .step("one", { run: () => ({}) })
      .step("two", { run })
      .returns(() => ({}));
    let commits = 0;
    const over = (inner: Lab["store"]) => ({
      commit: async (commit: Parameters<typeof inner.commit>[0]) => {
        const outcome = await inner.commit(commit);
        commits += 1;
        // The pause, its end, the first step.
        if (commits === 3) draining.abort();
        return outcome;
      },
    });
    await using on = await openLab({ intents: [definition], over });
    const { execution_id } = await on.play("test.two", "suspended");
    await on.clock.advance(864_000_000);
    expect(await runFunction(on, execution_id, undefined, draining)).toMatchObject({ status: "suspended" });
    expect(run).not.toHaveBeenCalled();
    await runFunction(on, execution_id, undefined);
    expect(run).toHaveBeenCalledTimes(1);
  });
});
