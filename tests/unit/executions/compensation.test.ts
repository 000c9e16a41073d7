import { describe, expect, it, vi } from "vitest";

import type { Role } from "../../../shared/roles.ts";
import { RetryableError, TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createGate } from "../../kit/gate.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { testIds } from "../../kit/runtime.ts";
import { openLab, outline, type Lab, stepOf } from "../../kit/lab.ts";

const refuse = () => Promise.reject(new TerminalError("test.refused", "No."));

/** A saga that fails after a step whose undo throws until it is told to work. */
function stuck() {
  const bank = { open: false, undos: 0 };
  const definition = plainIntent("test.stuck")
    .step("first", { run: () => ({ id: 1 }), undo: () => undefined })
    .step("reserve", {
      run: () => ({ id: 2 }),
      undo: () => {
        bank.undos += 1;
        if (!bank.open) throw new RetryableError("bank.closed", "Closed.");
      },
    })
    .step("fails", { run: refuse })
    .returns(() => ({}));
  return { bank, definition };
}

const pendingOf = (on: Lab) => on.first.services.pendingIntents.list(on.tenantId, {}, { limit: 9 });

const revive = (on: Lab, id: string, roles?: readonly Role[]) =>
  on.first.services.pendingIntents.submit(id, {
    tenantId: on.tenantId,
    userId: undefined,
    roles,
    sessionId: on.first.sessionId,
    parameters: {},
    traceId: testIds.trace(),
  });

describe("compensation", () => {
  it("C1: undoes every step that began, in reverse, the failing one first; those without an undo are passed over", async () => {
    const undone: unknown[] = [];
    const undo = (ctx: { readonly output: unknown; readonly key: string }) =>
      void undone.push([ctx.key.split("/")[1], ctx.output]);
    const definition = plainIntent("test.back")
      .step("one", { run: () => ({ n: 1 }), undo })
      .step("two", { run: () => ({ n: 2 }) })
      .step("three", { run: () => ({ n: 3 }), undo })
      .step("four", { run: refuse, undo })
      .step("five", { run: () => ({}), undo })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.back", "compensated");
    expect(undone).toEqual([
      ["four", undefined],
      ["three", { n: 3 }],
      ["one", { n: 1 }],
    ]);
    expect(ended.error).toMatchObject({ code: "test.refused", step_name: "four" });
    expect(outline(ended)).toEqual(["one: compensated", "two: completed", "three: compensated", "four: compensated"]);
  });

  it("C2: the next undo begins when the one before is on record", async () => {
    const recorded: string[][] = [];
    const done = async (on: Lab, id: Parameters<Lab["state"]>[0]) =>
      (await on.state(id)).steps.filter(({ status }) => status === "compensated").map(({ step_name }) => step_name);
    const labs: Lab[] = [];
    const undo = async (ctx: { readonly executionId: Parameters<Lab["state"]>[0] }) => {
      for (const on of labs) recorded.push(await done(on, ctx.executionId));
    };
    const definition = plainIntent("test.back")
      .step("one", { run: () => ({}), undo })
      .step("two", { run: () => ({}), undo })
      .step("three", { run: refuse, undo })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    labs.push(on);
    await on.play("test.back", "compensated");
    expect(recorded).toEqual([[], ["three"], ["two", "three"]]);
  });

  it("C1: a step that began and never finished is undone with its output unknown", async () => {
    const gate = createGate();
    const outputs: unknown[] = [];
    const definition = plainIntent("test.lost")
      .step("hangs", {
        semantics: "at-most-once",
        run: async () => {
          await gate.pass();
          return { n: 1 };
        },
        undo: ({ output }) => void outputs.push(output),
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.lost");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await on.first.services.lifecycle.stop(0);
    const other = await on.hire();
    await other.services.recovery.sweep();
    const ended = await on.reach(id, "compensated");
    expect(outputs).toEqual([undefined]);
    expect(ended.error?.code).toBe("step.outcome_unknown");
    gate.open();
  });

  it("a saga of which nothing can be undone is failed, not compensated", async () => {
    const definition = plainIntent("test.plain")
      .step("one", { run: () => ({}) })
      .step("two", { run: refuse })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    expect(outline(await on.play("test.plain", "failed"))).toEqual(["one: completed", "two: failed"]);
  });

  it("an undo that fails is tried again, and holds nothing while it waits", async () => {
    const { bank, definition } = stuck();
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.stuck");
    await vi.waitFor(() => expect(bank.undos).toBe(1));
    await vi.waitFor(async () => expect(stepOf(await on.state(id), "reserve").undo_attempts).toBe(1));
    expect(await on.state(id)).toMatchObject({ status: "compensating" });
    const other = await on.hire();
    await on.first.services.lifecycle.stop(0);
    bank.open = true;
    await on.clock.advance(100);
    await other.services.recovery.sweep();
    const ended = await on.reach(id, "compensated");
    expect(bank.undos).toBe(2);
    expect(outline(ended)).toEqual(["first: compensated", "reserve: compensated", "fails: failed"]);
    expect(ended.error?.code).toBe("test.refused");
  });

  it("an undo that fails for ever: dead after six attempts, as a pending intent with its evidence", async () => {
    const { bank, definition } = stuck();
    await using on = await openLab({ intents: [definition], fraction: () => 0 });
    const { execution_id, error } = await on.play("test.stuck", "dead");
    expect(bank.undos).toBe(6);
    expect(error?.code).toBe("bank.closed");
    const { items } = await pendingOf(on);
    expect(items).toMatchObject([
      {
        status: "pending",
        intent_type: "runtime.revive_execution",
        target_artifact_id: execution_id,
        context: {
          execution_id,
          intent_type: "test.stuck",
          while: "compensating",
          error: { code: "bank.closed", step_name: "reserve" },
          steps: [
            { step_name: "first", status: "completed", attempt: 1 },
            { step_name: "reserve", status: "completed", attempt: 1, undo_attempts: 5 },
            { step_name: "fails", status: "failed", attempt: 1 },
          ],
        },
      },
    ]);
    expect(await on.due()).toEqual([]);
    expect(await on.first.services.recovery.sweep()).toMatchObject({ takenUp: 0 });
  });

  it("a dead one goes on when a person takes its pending intent up: the undo is tried anew, then those before it", async () => {
    const { bank, definition } = stuck();
    await using on = await openLab({ intents: [definition], fraction: () => 0 });
    const { execution_id } = await on.play("test.stuck", "dead");
    bank.open = true;
    const [pending] = (await pendingOf(on)).items;
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => revive(on, pending?.intent_id ?? "")));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const ended = await on.reach(execution_id, "compensated");
    expect(bank.undos).toBe(7);
    expect(outline(ended)).toEqual(["first: compensated", "reserve: compensated", "fails: failed"]);
    expect((await pendingOf(on)).items).toMatchObject([{ status: "completed", execution_id }]);
  });

  it("whether a dead one goes on is an operator's to say, by its pending intent as by itself", async () => {
    const { bank, definition } = stuck();
    await using on = await openLab({ intents: [definition], fraction: () => 0 });
    const { execution_id } = await on.play("test.stuck", "dead");
    bank.open = true;
    const id = (await pendingOf(on)).items[0]?.intent_id ?? "";
    const refused = { code: "auth.role_missing", status: 403 };
    await expect(revive(on, id, ["submitter"])).rejects.toMatchObject(refused);
    const { pendingIntents } = on.first.services;
    await expect(pendingIntents.cancel(on.tenantId, id, ["submitter"])).rejects.toMatchObject(refused);
    expect((await pendingOf(on)).items).toMatchObject([{ status: "pending" }]);
    await revive(on, id, ["operator"]);
    await on.reach(execution_id, "compensated");
  });

  it("what failed the saga stays its error, however its undoing went", async () => {
    const { bank, definition } = stuck();
    await using on = await openLab({ intents: [definition], fraction: () => 0 });
    const { execution_id } = await on.play("test.stuck", "dead");
    bank.open = true;
    await on.first.services.control.retry(on.tenantId, execution_id, { userId: undefined, traceId: testIds.trace() });
    const ended = await on.reach(execution_id, "compensated");
    expect(ended.error).toMatchObject({ code: "test.refused", step_name: "fails" });
  });

  it("a dead one that fails again is dead again, with six more attempts", async () => {
    const { bank, definition } = stuck();
    await using on = await openLab({ intents: [definition], fraction: () => 0 });
    const { execution_id } = await on.play("test.stuck", "dead");
    await on.first.services.control.retry(on.tenantId, execution_id, { userId: undefined, traceId: testIds.trace() });
    await vi.waitFor(() => expect(bank.undos).toBe(12));
    await on.reach(execution_id, "dead");
  });

  it("a saga whose result cannot be made has failed too: what it did is undone", async () => {
    const undo = vi.fn<() => void>();
    const definition = plainIntent("test.result")
      .step("reserve", { run: () => ({}), undo })
      .returns(() => {
        throw new TerminalError("test.no_result", "No.");
      });
    await using on = await openLab({ intents: [definition] });
    expect(await on.first.run("test.result")).toMatchObject({ status: "compensated" });
    expect(undo).toHaveBeenCalledTimes(1);
  });

  it("an undo may take its own effects back under the key of the step", async () => {
    const definition = plainIntent("test.effects")
      .step("reserve", {
        run: async ({ effects }) => ({ was: await effects.apply({ n: 1 }) }),
        undo: ({ effects }) => effects.undo(),
      })
      .step("fails", { run: refuse })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.effects", "compensated");
    const effect = await on.store.readRecord(on.tenantId, "effect", `${execution_id}/reserve`);
    expect(effect?.body).toEqual({ state: "undone", fact: { n: 1 } });
  });
});
