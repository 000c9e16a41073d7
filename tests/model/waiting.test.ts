import { describe, it } from "vitest";

import { holds } from "./check.ts";
import { onlyTelling, pastPivot, sleeping, waiting } from "./plans.ts";
import { mendedBehindPivot, registering } from "./special-plans.ts";

const BUDGETS = { crashes: 1, takeovers: 1, cancels: 1, preemptions: 1, faults: 2 } as const;

describe("M1–M9: a saga that waits keeps every invariant", () => {
  it("whether the signal comes before, while or after it waits, or never", async () => {
    await holds("await", { ...waiting("compensate"), budgets: { ...BUDGETS, errors: 1, signals: 1 } });
  });

  it("when the signal comes twice, and what follows fails", async () => {
    const plan = waiting("continue", { fails: "after" });
    await holds("await, signalled twice", { ...plan, budgets: { ...BUDGETS, signals: 2 } });
  });

  it("when it only sleeps, and what follows fails", async () => {
    await holds("sleep", { ...sleeping({ fails: "after" }), budgets: { ...BUDGETS, preemptions: 0, drains: 1 } });
  });

  it("M13: when somebody else changes what it left PENDING", async () => {
    const budgets = { ...BUDGETS, errors: 1, signals: 1, rivals: 1 };
    await holds("await, a rival", { ...registering("wait"), signal: { name: "go", payload: null }, budgets });
  });
});

describe("M1–M9: a saga with a pivot keeps every invariant", () => {
  it("when what follows the pivot is retried", async () => {
    await holds("pivot", { ...pastPivot({}, { failsOnce: true }), budgets: { ...BUDGETS, errors: 1 } });
  });

  it("when the pivot itself fails", async () => {
    await holds("pivot fails", { ...pastPivot({ fails: "after" }, {}), budgets: { ...BUDGETS, errors: 1 } });
  });

  it("when what follows the pivot fails for ever: it ends as dead, with a pending intent", async () => {
    await holds("past the pivot, for ever", { ...pastPivot({}, { fails: "after" }), budgets: BUDGETS, mayDie: true });
  });

  it("when a person lets it go on after its death", async () => {
    const budgets = { crashes: 1, errors: 1, takeovers: 1, cancels: 1, retries: 2, faults: 2 };
    await holds("past the pivot, let go on", { ...mendedBehindPivot(), budgets, mayDie: true });
  });
});

describe("M1–M9: a saga without work keeps every invariant", () => {
  it("M8: when it ends as it is accepted", async () => {
    await holds("emit alone", {
      ...onlyTelling(),
      budgets: { ...BUDGETS, crashes: 2, errors: 1, duplicates: 1, faults: 3 },
    });
  });

  it("M13: when its output does not have the shape that it declares", async () => {
    await holds("bad output", { ...registering("bad output"), budgets: { ...BUDGETS, errors: 1, rivals: 1 } });
  });

  it("M13: when a step after one that left something PENDING fails", async () => {
    await holds("PENDING and failed", { ...registering("fail"), budgets: { ...BUDGETS, errors: 1, rivals: 1 } });
  });
});
