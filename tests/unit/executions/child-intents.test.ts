import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { RuntimeError } from "../../../shared/errors.ts";
import { asId } from "../../../shared/ids.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { type Lab, openLab, outline, stepOf } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime } from "../../kit/runtime.ts";

const waiting = plainIntent("test.waiting")
  .step("reserve", { run: () => ({}), undo: () => undefined })
  .await("approval", { schema: z.string() })
  .returns(({ input, outputs }) => ({ ...input, approval: outputs.approval }));

const parent = plainIntent("test.parent")
  .step("before", { run: () => ({}), undo: () => undefined })
  .call("child", { intent: waiting, input: ({ input }) => ({ given: input["n"] ?? 0 }) })
  .returns(({ outputs }) => ({ child: outputs.child }));

const childOf = async (on: Lab, id: Parameters<Lab["state"]>[0]) =>
  asId.execution(String(stepOf(await on.state(id), "child").child_execution_id));

const approve = async (on: Lab, child: Parameters<Lab["state"]>[0]) =>
  on.first.services.control.signal(on.tenantId, child, { name: "approval", payload: "yes" });

describe("child intents", () => {
  it("run as executions of their own in the same session, and their output is the node's", async () => {
    await using on = await openLab({ intents: [waiting, parent] });
    const { execution_id } = await on.play("test.parent", "suspended", { n: 7 });
    const child = await childOf(on, execution_id);
    expect(await on.reach(child, "suspended")).toMatchObject({
      session_id: on.first.sessionId,
      parent: { execution_id, step_name: "child" },
    });
    await approve(on, child);
    expect(await on.reach(execution_id, "completed")).toMatchObject({
      output: { child: { given: 7, approval: "yes" } },
    });
  });

  it("are done for the parent's user, under its roles, for its solution, however deep", async () => {
    const who = plainIntent("test.who")
      .step("look", { run: ({ intent: { user_id, roles }, solutionId }) => ({ user_id, roles, solutionId }) })
      .returns(({ outputs }) => outputs.look);
    const middle = plainIntent("test.middle")
      .call("who", { intent: who, input: () => ({}) })
      .returns(({ outputs }) => outputs.who);
    const top = plainIntent("test.top")
      .call("middle", { intent: middle, input: () => ({}) })
      .returns(({ outputs }) => outputs.middle);
    await using runtime = await openRuntime({ intents: [who, middle, top] });
    const roles = ["submitter", "platform"] as const;
    const { output } = await runtime.run("test.top", {}, { userId: "ann", roles, solutionId: "solution" });
    expect(output).toEqual({ user_id: "ann", roles, solutionId: "solution" });
  });

  it("E5: a parent that waits for its child is held by nobody", async () => {
    await using on = await openLab({ intents: [waiting, parent] });
    const { execution_id } = await on.play("test.parent", "suspended");
    const child = await childOf(on, execution_id);
    await on.reach(child, "suspended");
    await on.first.services.lifecycle.stop(0);
    const other = await on.hire();
    await other.services.control.signal(on.tenantId, child, { name: "approval", payload: "yes" });
    await on.reach(execution_id, "completed");
  });

  it("a child that fails fails its node with its own cause, and the parent compensates", async () => {
    const bad = plainIntent("test.bad")
      .step("only", { run: () => Promise.reject(new TerminalError("child.refused", "No.")) })
      .returns(() => ({}));
    const caller = plainIntent("test.caller")
      .step("before", { run: () => ({}), undo: () => undefined })
      .call("child", { intent: bad, input: () => ({}) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [bad, caller] });
    const ended = await on.play("test.caller", "compensated");
    expect(ended.error).toMatchObject({
      code: "child.refused",
      step_name: "child",
      details: { child_execution_id: stepOf(ended, "child").child_execution_id, child_status: "failed" },
    });
  });

  it("parameters that the child does not take fail the node, and leave no child", async () => {
    const strict = plainIntent("test.strict", {});
    const child = strict.step("only", { run: () => ({}) }).returns(() => ({}));
    const narrow = { ...child, input: z.object({ n: z.number() }) as never };
    const caller = plainIntent("test.caller")
      .call("child", { intent: narrow, input: () => ({ n: "many" }) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [narrow, caller] });
    await on.submit("test.caller");
    const { items } = await vi.waitFor(async () => {
      const found = await on.store.listExecutions(on.tenantId, {}, { limit: 9 });
      expect(found.items.map((head) => head["status"])).not.toContain("running");
      return found;
    });
    const ended = items.find((head) => head["intent_type"] === "test.caller");
    expect(ended?.["error"]).toMatchObject({ code: "intent.bad_parameters", step_name: "child" });
    expect(items.filter((head) => head["status"] === "completed")).toEqual([]);
  });

  it.each([
    [true, "compensated"],
    [false, "completed"],
  ])("a parent's cancellation cancels its child too (compensate: %s)", async (compensate, reserve) => {
    await using on = await openLab({ intents: [waiting, parent] });
    const { execution_id } = await on.play("test.parent", "suspended");
    const child = await childOf(on, execution_id);
    await on.reach(child, "suspended");
    await on.first.services.control.cancel(on.tenantId, execution_id, compensate);
    await on.reach(execution_id, "cancelled");
    const ended = await on.reach(child, "cancelled");
    expect(stepOf(ended, "reserve").status).toBe(reserve);
  });

  it("a parent that turns back undoes what came before only after its child has turned back", async () => {
    const order: string[] = [];
    const slow = plainIntent("test.slow")
      .step("reserve", { run: () => ({}), undo: () => void order.push("child") })
      .await("approval", { schema: z.string() })
      .returns(() => ({}));
    const caller = plainIntent("test.caller", { timeout: "1h" })
      .step("before", { run: () => ({}), undo: () => void order.push("parent") })
      .call("child", { intent: slow, input: () => ({}) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [slow, caller] });
    const { execution_id } = await on.play("test.caller", "suspended");
    await on.clock.advance(3_600_000);
    await on.first.services.recovery.sweep();
    const ended = await on.reach(execution_id, "compensated");
    expect(order).toEqual(["child", "parent"]);
    expect(outline(ended)).toEqual(["before: compensated", "child: compensated"]);
  });

  it("a parent whose intent this build does not have fails, and its child turns back", async () => {
    let rivals = 1;
    const over = (inner: Lab["store"]) => ({
      // The first end loses to somebody else's change, and is decided anew.
      commit: (commit: Parameters<typeof inner.commit>[0]) =>
        commit.state.status === "failed" && rivals-- > 0
          ? Promise.resolve({ outcome: "conflict", kind: "artifact", id: "a" } as const)
          : inner.commit(commit),
    });
    await using on = await openLab({ intents: [waiting, parent], over });
    const { execution_id } = await on.play("test.parent", "suspended");
    const child = await childOf(on, execution_id);
    await on.reach(child, "suspended");
    await on.first.services.lifecycle.stop(0);
    const newer = await on.hire([waiting]);
    await newer.services.control.cancel(on.tenantId, execution_id, true);
    expect(await on.reach(execution_id, "failed")).toMatchObject({ error: { code: "intent.no_handler" } });
    expect(outline(await on.reach(child, "cancelled"))).toEqual(["reserve: compensated", "approval: started"]);
  });

  it("a child that was never accepted is buried: a late acceptance finds it ended, and nothing of it runs", async () => {
    const run = vi.fn<() => object>(() => ({}));
    const child = plainIntent("test.child")
      .step("only", { run: run as () => Record<string, never> })
      .returns(() => ({}));
    const caller = plainIntent("test.caller")
      .step("before", { run: () => ({}), undo: () => undefined })
      .call("child", { intent: child, input: () => ({}) })
      .returns(() => ({}));
    let reachable = true;
    const over = (inner: Lab["store"]) => ({
      accept: (acceptance: Parameters<typeof inner.accept>[0]) =>
        reachable || acceptance.intentType !== "test.child"
          ? inner.accept(acceptance)
          : Promise.reject(new RuntimeError("store.unavailable", "Away.", { status: 503, retryable: true })),
    });
    await using on = await openLab({ intents: [child, caller], over });
    reachable = false;
    const id = await on.submit("test.caller");
    await vi.waitFor(async () => expect(outline(await on.state(id))).toHaveLength(2));
    await vi.waitFor(() => expect(on.first.logged).toContainEqual(expect.objectContaining({ error: "Away." })));
    reachable = true;
    await on.first.services.control.cancel(on.tenantId, id, true);
    await on.first.services.recovery.sweep();
    await on.reach(id, "cancelled");
    const buried = await on.reach(await childOf(on, id), "cancelled");
    expect(buried.steps).toEqual([]);
    expect(run).not.toHaveBeenCalled();
  });

  it.each(["before", "after"])(
    "a child runs once when its parent's worker dies %s the acceptance was applied",
    async (moment) => {
      const run = vi.fn<() => object>(() => ({ n: 1 }));
      const child = plainIntent("test.child")
        .step("only", { run: run as () => { n: number } })
        .returns(({ outputs }) => outputs.only);
      const caller = plainIntent("test.caller")
        .call("child", { intent: child, input: () => ({}) })
        .returns(({ outputs }) => outputs.child);
      let dies = true;
      const over = (inner: Lab["store"]) => ({
        accept: async (acceptance: Parameters<typeof inner.accept>[0]) => {
          if (!dies || acceptance.intentType !== "test.child") return inner.accept(acceptance);
          dies = false;
          if (moment === "after") await inner.accept(acceptance);
          throw new RuntimeError("store.unavailable", "Away.", { status: 503, retryable: true });
        },
      });
      await using on = await openLab({ intents: [child, caller], over });
      const id = await on.submit("test.caller");
      await vi.waitFor(() => expect(on.first.logged).toContainEqual(expect.objectContaining({ error: "Away." })));
      await on.first.services.lifecycle.stop(0);
      const other = await on.hire();
      await vi.waitFor(async () => {
        await other.services.recovery.sweep();
        expect(await on.state(id)).toMatchObject({ status: "completed", output: { n: 1 } });
      });
      expect(run).toHaveBeenCalledTimes(1);
      expect(
        (await on.store.listExecutions(on.tenantId, { intentType: "test.child" }, { limit: 9 })).items,
      ).toHaveLength(1);
    },
  );

  it("a child may be called long after the session's own life", async () => {
    const child = plainIntent("test.child")
      .step("only", { run: () => ({}) })
      .returns(() => ({}));
    const caller = plainIntent("test.caller")
      .sleep("long", { delay: "30d" })
      .call("child", { intent: child, input: () => ({}) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [child, caller] });
    const { execution_id } = await on.play("test.caller", "suspended");
    await on.clock.advance(30 * 86_400_000);
    await on.first.services.recovery.sweep();
    await on.reach(execution_id, "completed");
  });
});
