import { describe, it } from "vitest";

import { holds } from "./check.ts";
import { onceWithRecord, outside } from "./special-plans.ts";

const BUDGETS = { crashes: 1, errors: 1, takeovers: 1, cancels: 1, drains: 1, preemptions: 2, faults: 2 } as const;

describe("effects outside", () => {
  it("M3: with keys and undos leave nothing behind", async () => {
    await holds("effect outside", { ...outside("at-least-once"), budgets: BUDGETS });
  });

  it("M12: of at-most-once steps are made at most once", async () => {
    const budgets = { ...BUDGETS, crashes: 2, preemptions: 1 };
    await holds("at-most-once", { ...outside("at-most-once"), atMostOnce: ["o"], budgets });
  });

  it("M12: of at-most-once steps are made at most once, also when their records are contended", async () => {
    const budgets = { ...BUDGETS, rivals: 1, preemptions: 1, faults: 2 };
    await holds("at-most-once, a rival", { ...onceWithRecord(), atMostOnce: ["o"], budgets });
  });
});
