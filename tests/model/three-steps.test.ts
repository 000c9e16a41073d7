import { describe, it } from "vitest";

import { holds } from "./check.ts";
import { steps } from "./plans.ts";

describe("M1–M9: a plan of three steps keeps every invariant", () => {
  it.each(["s1", "s2", "s3"])("when %s fails", async (name) => {
    const budgets = { crashes: 1, takeovers: 1, cancels: 1, preemptions: 2, faults: 2 };
    await holds(`3 steps, ${name} fails`, { ...steps(3, { [name]: { fails: "after" } }), budgets });
  });
});
