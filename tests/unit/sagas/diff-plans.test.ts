import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { diffPlans, mayAdopt } from "../../../shared/sagas/diff-plans.ts";
import type { PlanOutline } from "../../../shared/sagas/plan.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

const outline = (version: number, ...nodes: string[]): PlanOutline => ({ version, nodes });

const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
const nodes = fc
  .uniqueArray(fc.tuple(name, fc.constantFrom("1", "2")), { selector: ([each]) => each, maxLength: 6 })
  .map((all) => all.map(([each, digest]) => `${each}#${digest}`));

describe("the difference of two versions of a plan", () => {
  it("names what came, went, changed, and what stands unchanged at the front", () => {
    const diff = diffPlans(outline(1, "a#1", "b#1", "c#1", "d#1"), outline(2, "a#1", "b#1", "x#1", "c#2"));
    expect(diff).toEqual({ from: 1, to: 2, added: ["x"], removed: ["d"], changed: ["c"], unchangedPrefix: ["a", "b"] });
  });

  it("a plan is adopted only when all that was begun stands at its front, unchanged", () => {
    fc.assert(
      fc.property(nodes, nodes, fc.nat(6), (before, after, count) => {
        const begun = before.slice(0, count);
        const names = begun.map((node) => node.slice(0, -2));
        const same = begun.every((node, index) => node === after[index]);
        expect(mayAdopt(diffPlans(outline(1, ...before), outline(2, ...after)), names).adopt).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  it("a plan may always adopt itself, and one that only grows behind what was begun", () => {
    fc.assert(
      fc.property(nodes, (all) => {
        const names = all.map((node) => node.slice(0, -2));
        expect(mayAdopt(diffPlans(outline(1, ...all), outline(2, ...all)), names)).toEqual({ adopt: true });
        expect(mayAdopt(diffPlans(outline(1, ...all), outline(2, ...all, "new#1")), names)).toEqual({ adopt: true });
      }),
    );
  });

  it("says why not: a member of a group counts for its group", () => {
    const diff = diffPlans(outline(1, "a#1", "each#1"), outline(2, "a#1", "each#2"));
    expect(mayAdopt(diff, ["a"])).toEqual({ adopt: true });
    const adoption = mayAdopt(diff, ["a", "each/7"]);
    expect(adoption).toMatchObject({ adopt: false, why: expect.stringContaining("each") });
  });

  it.each([
    ["its time", { timeout: "9s" }],
    ["its attempts", { retry: { maxAttempts: 9 } }],
    ["an undo", { undo: () => undefined }],
    ["its semantics", { semantics: "at-most-once" }],
    ["a condition", { when: () => true }],
  ] as const)("a change of %s changes the outline of a step, a change of its function does not", (_, more) => {
    const of = (options: object) =>
      plainIntent("test.plan")
        .step("a", { run: () => ({}), ...options })
        .returns(() => ({})).outline.nodes;
    expect(of(more)).not.toEqual(of({}));
    expect(of({ run: () => ({ other: 1 }) })).toEqual(of({}));
  });

  it("a change of the checkpoint changes every node", () => {
    const of = (checkpoint: "each" | "ends") =>
      plainIntent("test.plan", { checkpoint })
        .step("a", { run: () => ({}) })
        .returns(() => ({})).outline;
    expect(diffPlans(of("each"), of("ends")).changed).toEqual(["a"]);
  });
});
