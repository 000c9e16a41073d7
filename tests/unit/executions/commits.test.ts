import { describe, expect, it } from "vitest";

import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { openLab } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

const start = () => plainIntent("test.counted");
const ok = { run: () => ({}) };
const failing = { run: () => Promise.reject(new TerminalError("test.refused", "No.")) };
const undoable = { ...ok, undo: () => undefined };

const plans: readonly (readonly [string, IntentDefinition, number, "completed" | "compensated" | "failed"])[] = [
  [
    "three steps: n + 1",
    start()
      .step("a", ok)
      .step("b", ok)
      .step("c", ok)
      .returns(() => ({})),
    4,
    "completed",
  ],
  [
    "steps between emits and skipped nodes, which cost nothing",
    start()
      .emit("first", { event: () => ({ type: "t", data: {} }) })
      .step("a", ok)
      .emit("told", { event: () => ({ type: "t", data: {} }) })
      .step("b", { ...ok, when: () => false })
      .step("c", ok)
      .returns(() => ({})),
    3,
    "completed",
  ],
  [
    "only an emit: the acceptance is the end",
    start()
      .emit("told", { event: () => ({ type: "t", data: {} }) })
      .returns(() => ({})),
    1,
    "completed",
  ],
  [
    "a map: one for each item, and the acceptance",
    start()
      .map("each", { over: () => [1, 2, 3], ...ok })
      .returns(() => ({})),
    4,
    "completed",
  ],
  [
    "a parallel: one for each branch, and the acceptance",
    start()
      .parallel("both", { branches: { a: ok, b: ok } })
      .returns(() => ({})),
    3,
    "completed",
  ],
  [
    "a failure at the second of three steps",
    start()
      .step("a", ok)
      .step("b", failing)
      .step("c", ok)
      .returns(() => ({})),
    3,
    "failed",
  ],
  [
    "a compensation: one more for each undo, the last of which carries the end",
    start()
      .step("a", undoable)
      .step("b", undoable)
      .step("c", failing)
      .returns(() => ({})),
    6,
    "compensated",
  ],
];

describe("what an execution costs", () => {
  it.each(plans)("E1: %s", async (_, definition, commits, status) => {
    await using on = await openLab({ intents: [definition] });
    const writes = on.counting.writes.length;
    await on.play("test.counted", status);
    expect(on.counting.acceptances.length + on.counting.commits.length).toBe(commits);
    expect([on.counting.claims.length, on.counting.writes.length - writes]).toEqual([0, 0]);
  });
});
