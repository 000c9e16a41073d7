import { describe, it } from "vitest";

import { holds } from "./check.ts";
import { forEach, sideBySide } from "./plans.ts";

const TWO = { crashes: 1, takeovers: 1, cancels: 1, preemptions: 1, faults: 2 } as const;
const ONE = { ...TWO, errors: 1, duplicates: 1, drains: 1, faults: 1 } as const;

describe("M1–M9: two works side by side keep every invariant", () => {
  it("when both succeed", async () => {
    await holds("parallel", { ...sideBySide(), budgets: { ...ONE, preemptions: 2 } });
  });

  it("when one fails", async () => {
    await holds("parallel, one fails", { ...sideBySide({ fails: "after" }), budgets: TWO });
  });

  it("when one is retried", async () => {
    await holds("parallel, one is retried", { ...sideBySide({ failsOnce: true }), budgets: ONE });
  });

  it("when what follows them fails", async () => {
    await holds("parallel, a failure after it", { ...sideBySide({}, { fails: "after" }), budgets: ONE });
  });
});

describe("M1–M9: works for each item of a list keep every invariant", () => {
  it("when all succeed", async () => {
    await holds("map", { ...forEach(), budgets: ONE });
  });

  it("when they fail", async () => {
    await holds("map, they fail", { ...forEach({ fails: "after" }), budgets: ONE });
  });

  it("when what follows them fails", async () => {
    await holds("map, a failure after it", { ...forEach({}, { fails: "after" }), budgets: ONE });
  });
});
