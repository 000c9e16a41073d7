import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { asId, type ExecutionId, type WorkerId } from "../../../shared/ids.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createGate } from "../../kit/gate.ts";
import { type Lab, openLab, stepOf } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

/** A child that cannot be undone until somebody mends what it needs, and its parent. */
function stuckChild() {
  let mended = false;
  const undone: string[] = [];
  const stuck = plainIntent("test.stuck")
    .step("reserve", {
      run: () => ({}),
      undo: () => {
        if (!mended) throw new TerminalError("test.stuck", "Somebody has to mend it.");
        undone.push("reserve");
      },
    })
    .step("fails", { run: () => Promise.reject(new TerminalError("test.fails", "No.")) })
    .returns(() => ({}));
  const parent = plainIntent("test.parent")
    .step("before", { run: () => ({}), undo: () => void undone.push("before") })
    .call("child", { intent: stuck, input: () => ({}) })
    .returns(() => ({}));
  return { intents: [stuck, parent], undone, mend: () => void (mended = true) };
}

const childOf = async (on: Lab, id: ExecutionId) =>
  asId.execution(String(stepOf(await on.state(id), "child").child_execution_id));

const cancel = (on: Lab, id: ExecutionId, compensate: boolean) =>
  on.first.services.control.cancel(on.tenantId, id, compensate);

const questions = async (on: Lab) => {
  const filter = { type: "runtime.revive_execution", status: "pending" } as const;
  const found = await on.first.services.pendingIntents.list(on.tenantId, filter, { limit: 9 });
  return found.items.map((question) => question.target_artifact_id);
};

/** A parent whose child has died over its undo. */
async function withDeadChild(on: Lab) {
  const { execution_id: id } = await on.play("test.parent", "suspended");
  const child = await childOf(on, id);
  await on.reach(child, "dead");
  return { id, child };
}

describe("a child that is dead", () => {
  it("waits for a person also when its parent turns back: its parent does not give it up", async () => {
    const { intents, undone, mend } = stuckChild();
    await using on = await openLab({ intents });
    const { id, child } = await withDeadChild(on);
    await cancel(on, id, true);
    await vi.waitFor(async () => expect((await on.log(child)).at(-1)?.payload).toMatchObject({ effect: "refused" }));
    expect(await on.state(child)).toMatchObject({ status: "dead" });
    expect(await questions(on)).toEqual([child]);

    mend();
    await on.first.services.control.retry(on.tenantId, child, { userId: "ann", traceId: asId.trace("t") });
    await on.reach(child, "compensated");
    await on.reach(id, "cancelled");
    expect(undone).toEqual(["reserve", "before"]);
  });

  it("is given up with its parent when that is told to stop, and asks nobody any more", async () => {
    const { intents } = stuckChild();
    await using on = await openLab({ intents });
    const { id, child } = await withDeadChild(on);
    await cancel(on, id, false);
    await on.reach(id, "cancelled");
    await on.reach(child, "cancelled");
    expect(await questions(on)).toEqual([]);
  });
});

describe("a cancellation that comes while an execution dies", () => {
  it.each([true, false])("leaves no question that nobody needs to answer (compensate: %s)", async (compensate) => {
    const gate = createGate();
    const dying = plainIntent("test.dying")
      .step("reserve", {
        run: () => ({}),
        undo: async () => {
          await gate.pass();
          throw new TerminalError("test.stuck", "No.");
        },
      })
      .step("fails", { run: () => Promise.reject(new TerminalError("test.fails", "No.")) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [dying] });
    const id = await on.submit("test.dying");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await cancel(on, id, compensate);
    gate.open();
    // Whoever asked it to turn back did not ask to leave it as it is.
    await on.reach(id, compensate ? "dead" : "cancelled");
    await on.first.services.lifecycle.idle();
    expect(await questions(on)).toEqual(compensate ? [id] : []);
  });
});

describe("a parent that is told to stop", () => {
  it("leaves no child behind whose acceptance is still under way, by another worker", async () => {
    const gate = createGate();
    const run = vi.fn<() => object>(() => ({}));
    const child = plainIntent("test.child")
      .step("only", { run: run as () => Record<string, never> })
      .returns(() => ({}));
    const caller = plainIntent("test.caller")
      .call("child", { intent: child, input: () => ({}) })
      .returns(() => ({}));
    let held = true;
    let firstWorker: WorkerId | undefined;
    const over = (inner: Lab["store"]) => ({
      accept: async (acceptance: Parameters<typeof inner.accept>[0]) => {
        firstWorker ??= acceptance.workerId;
        if (held && acceptance.intentType === "test.child") {
          held = false;
          await gate.pass();
        }
        return inner.accept(acceptance);
      },
    });
    await using on = await openLab({ intents: [child, caller], over });
    const id = await on.submit("test.caller");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    // The first worker stands still over the acceptance, and another takes its work up.
    const other = await on.hire();
    await cancel(on, id, false);
    if (firstWorker !== undefined) await on.store.retire(firstWorker);
    await other.services.recovery.sweep();
    await on.reach(id, "cancelled");
    gate.open();
    await on.first.services.lifecycle.idle();
    await on.reach(await childOf(on, id), "cancelled");
    expect(run).not.toHaveBeenCalled();
  });
});

describe("a dead parent", () => {
  it("that is given up stops the child over which it died", async () => {
    const waits = plainIntent("test.waits")
      .await("approval", { schema: z.string() })
      .returns(() => ({}));
    const parent = plainIntent("test.parent", { timeout: "1h" })
      .pivot("charge", { run: () => ({}) })
      .call("child", { intent: waits, input: () => ({}) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [waits, parent] });
    const { execution_id: id } = await on.play("test.parent", "suspended");
    const child = await childOf(on, id);
    await on.reach(child, "suspended");
    await on.clock.advance(3_600_000);
    await on.first.services.recovery.sweep();
    await on.reach(id, "dead");
    await cancel(on, id, false);
    await on.reach(id, "cancelled");
    await on.reach(child, "cancelled");
  });
});
