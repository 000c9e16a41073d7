import { describe, expect, it } from "vitest";

import { holds } from "./check.ts";
import { steps } from "./plans.ts";
import { Scheduler } from "./scheduler.ts";

const FEW = { crashes: 2, errors: 1, takeovers: 1, cancels: 1, preemptions: 2, faults: 3 } as const;
const SOME = { crashes: 1, errors: 1, takeovers: 1, cancels: 1, preemptions: 2, faults: 2 } as const;
const ONE = { ...SOME, duplicates: 1, faults: 1 } as const;

describe("M1–M9: a plan of steps keeps every invariant", () => {
  it("of one step", async () => {
    await holds("1 step", { ...steps(1), budgets: FEW });
  });

  it("of one step that fails before its effect", async () => {
    await holds("1 step, fails before its effect", { ...steps(1, { s1: { fails: "before" } }), budgets: SOME });
  });

  it.each(["s1", "s2"])("of two steps, of which %s fails", async (name) => {
    await holds(`2 steps, ${name} fails`, { ...steps(2, { [name]: { fails: "after" } }), budgets: SOME });
  });

  it("of two steps, delivered twice", async () => {
    const budgets = { crashes: 1, takeovers: 1, duplicates: 1, preemptions: 2, faults: 2 };
    await holds("2 steps, delivered twice", { ...steps(2), budgets });
  });

  it("of two steps, cancelled twice", async () => {
    const budgets = { crashes: 1, takeovers: 1, cancels: 2, preemptions: 1, faults: 3 };
    await holds("2 steps, cancelled twice", { ...steps(2), budgets });
  });

  it("of three steps", async () => {
    await holds("3 steps", { ...steps(3), budgets: SOME });
  });

  it.each([1, 2, 3, 4])("of four steps, of which step %i fails", async (position) => {
    await holds(`4 steps, s${position} fails`, { ...steps(4, { [`s${position}`]: { fails: "after" } }), budgets: ONE });
  });
});

describe("M10: a happy run costs", () => {
  it.each([1, 2, 3, 4])("%i + 1 commits for as many steps", async (count) => {
    expect(await commitsOf(count, "each")).toBe(count + 1);
  });

  it.each([1, 2, 3, 4])("2 commits for %i steps with checkpoint ends", async (count) => {
    expect(await commitsOf(count, "ends")).toBe(2);
  });
});

async function commitsOf(count: number, checkpoint: "each" | "ends"): Promise<number> {
  const scheduler = new Scheduler(
    { ...steps(count, {}, checkpoint), budgets: { faults: 0 } },
    { replaying: false, choose: () => 0 },
  );
  expect((await scheduler.run()).violations).toEqual([]);
  return scheduler.world.invariants.commits;
}
