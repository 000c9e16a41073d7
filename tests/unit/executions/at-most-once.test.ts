import { describe, expect, it, vi } from "vitest";

import { createGate } from "../../kit/gate.ts";
import { openLab, outline, stepOf } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

describe("a step that runs at most once", () => {
  it("is not begun anew when its worker died within it: its outcome is unknown, and the saga compensates", async () => {
    const gate = createGate();
    const undone: string[] = [];
    const undo = (name: string) => ({ undo: () => void undone.push(name) });
    const definition = plainIntent("test.once")
      .step("before", { run: () => ({}), ...undo("before") })
      .step("transfer", {
        semantics: "at-most-once",
        run: async () => {
          await gate.pass();
          return {};
        },
        ...undo("transfer"),
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.once");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await on.first.services.lifecycle.stop(0);
    const other = await on.hire();
    await other.services.recovery.sweep();
    const ended = await on.reach(id, "compensated");
    expect(ended.error).toMatchObject({ code: "step.outcome_unknown", step_name: "transfer" });
    expect(gate.arrived).toBe(1);
    expect(undone).toEqual(["transfer", "before"]);
    gate.open();
  });

  it("runs after a clean hand-over: it was on record, but nobody had begun it", async () => {
    const gate = createGate();
    const run = vi.fn<() => Record<string, never>>(() => ({}));
    const definition = plainIntent("test.once")
      .step("before", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .step("transfer", { semantics: "at-most-once", run })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.once");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    const stopping = on.first.services.lifecycle.stop(60_000);
    gate.open();
    await stopping;
    expect(run).not.toHaveBeenCalled();
    expect(outline(await on.state(id))).toEqual(["before: completed", "transfer: started"]);
    const other = await on.hire();
    await other.services.recovery.sweep();
    await on.reach(id, "completed");
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("is not tried again when it throws, whatever its retry policy", async () => {
    const run = vi.fn<() => never>(() => {
      throw new Error("flaky");
    });
    const definition = plainIntent("test.once")
      .step("transfer", { semantics: "at-most-once", retry: { maxAttempts: 9 }, run })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    await on.play("test.once", "failed");
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("a step that kills its worker ten times is given up", async () => {
    const gate = createGate();
    const definition = plainIntent("test.killer")
      .step("kills", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.killer");
    let worker = on.first;
    for (let deaths = 1; deaths <= 10; deaths += 1) {
      await vi.waitFor(() => expect(gate.arrived).toBe(deaths));
      await worker.services.lifecycle.stop(0);
      worker = await on.hire();
      await worker.services.recovery.sweep();
    }
    const ended = await on.reach(id, "failed");
    expect(ended.error?.code).toBe("step.kills_workers");
    expect(stepOf(ended, "kills").attempt).toBe(11);
    expect(gate.arrived).toBe(10);
    gate.open();
  });
});
