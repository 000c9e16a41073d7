import { describe, it } from "vitest";

import { holds } from "./check.ts";
import { steps } from "./plans.ts";
import { mendedStep, mendedUndo } from "./special-plans.ts";

const BUDGETS = { crashes: 1, errors: 1, takeovers: 1, cancels: 1, preemptions: 1, faults: 2 } as const;

describe("M1–M9: a saga in trouble keeps every invariant", () => {
  it("when a step is retried", async () => {
    await holds("retry once", { ...steps(2, { s2: { failsOnce: true, emits: true } }), budgets: BUDGETS });
  });

  it("when an undo is retried", async () => {
    const plan = steps(2, { s1: { undoFails: "once" }, s2: { fails: "after" } });
    await holds("undo fails once", { ...plan, budgets: { ...BUDGETS, takeovers: 0 } });
  });

  it("when an undo fails for ever: it ends as dead, with a pending intent", async () => {
    const plan = steps(2, { s1: { undoFails: "always" }, s2: { fails: "after" } });
    await holds("undo fails for ever", { ...plan, budgets: BUDGETS, mayDie: true });
  });

  it("when a person lets it go on after an undo that failed for good", async () => {
    const budgets = { crashes: 1, errors: 1, takeovers: 1, cancels: 1, retries: 2, faults: 2 };
    await holds("undo fails, let go on", { ...mendedUndo(), budgets, mayDie: true });
  });

  it("M14: when several people repeat it after it failed", async () => {
    const budgets = { crashes: 1, retries: 2, preemptions: 2, faults: 3 };
    await holds("failed, repeated", { ...mendedStep(), budgets });
  });

  it("when its process stops", async () => {
    const budgets = { drains: 1, crashes: 1, takeovers: 1, cancels: 1, preemptions: 1, faults: 2 };
    await holds("2 steps, told to stop", { ...steps(2, { s2: { failsOnce: true } }), budgets });
  });

  it("when a step's time is over while its effect is still under way", async () => {
    const plan = steps(2, { s1: { timeout: "400ms" }, s2: { timeout: "400ms", fails: "before" } });
    const budgets = { stalls: 1, crashes: 1, takeovers: 1, cancels: 1, preemptions: 1, faults: 2 };
    await holds("2 steps, one hangs", { ...plan, budgets });
  });

  it("when a relay dies between publishing and marking", async () => {
    const budgets = { crashes: 2, errors: 1, takeovers: 1, preemptions: 1, faults: 3 };
    await holds("1 step, published at once", { ...steps(1, { s1: { emits: true } }), relays: true, budgets });
  });
});
