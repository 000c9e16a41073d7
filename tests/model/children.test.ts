import { describe, it } from "vitest";

import { holds } from "./check.ts";
import { calling, callingNothing } from "./plans.ts";
import { callingLate } from "./special-plans.ts";

const TWO = { crashes: 1, takeovers: 1, preemptions: 1, faults: 2 } as const;
const ONE = { ...TWO, cancels: 1, errors: 1, preemptions: 2, faults: 1 } as const;

describe("M1–M9, M15: a parent and its child keep every invariant", () => {
  it("when both succeed", async () => {
    await holds("call", { ...calling(), budgets: TWO });
  });

  it("when the parent is cancelled", async () => {
    await holds("call, cancelled", { ...calling(), budgets: { ...TWO, takeovers: 0, cancels: 1 } });
  });

  it("when the parent is told to stop", async () => {
    await holds("call, stopped", { ...calling(), stops: true, budgets: { ...TWO, crashes: 0, cancels: 1 } });
  });

  it("when the parent fails after the call", async () => {
    await holds("call, then a failure", { ...calling({ fails: "after" }), budgets: ONE });
  });

  it("when the child fails", async () => {
    await holds("call of what fails", { ...calling({}, { fails: "after" }), budgets: ONE });
  });

  it("when the child ends as it is accepted", async () => {
    await holds("call of nothing", { ...callingNothing(), budgets: { ...ONE, faults: 2 } });
  });

  it("when the session is over before the call", async () => {
    await holds("call after the session", { ...callingLate(), budgets: { ...ONE, signals: 1 } });
  });
});
