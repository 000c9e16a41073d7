import { describe, it } from "vitest";

import { holds } from "./check.ts";
import { steps } from "./plans.ts";
import { registering } from "./special-plans.ts";

const BUDGETS = { crashes: 1, errors: 1, takeovers: 1, cancels: 1, preemptions: 2, faults: 2 } as const;

describe('M1–M9: a plan with checkpoint "ends" keeps every invariant', () => {
  it("of two steps", async () => {
    await holds("ends, 2 steps", { ...steps(2, {}, "ends"), budgets: BUDGETS });
  });

  it("of two steps, of which the first fails", async () => {
    await holds("ends, s1 fails", { ...steps(2, { s1: { fails: "after" } }, "ends"), budgets: BUDGETS });
  });

  it("of two steps, of which the last fails", async () => {
    const budgets = { ...BUDGETS, preemptions: 1 };
    await holds("ends, s2 fails", { ...steps(2, { s2: { fails: "after" } }, "ends"), budgets });
  });

  it("of two steps, of which the last is retried", async () => {
    const budgets = { ...BUDGETS, preemptions: 1 };
    await holds("ends, s2 is retried", { ...steps(2, { s2: { failsOnce: true } }, "ends"), budgets });
  });

  it("M13: of a step that leaves something PENDING, and one that fails", async () => {
    await holds("ends, PENDING and failed", { ...registering("fail", "ends"), budgets: { ...BUDGETS, rivals: 1 } });
  });
});
