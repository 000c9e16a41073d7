import { describe, expect, it } from "vitest";
import * as z from "zod";

import type { RuntimeError } from "../../../shared/errors.ts";
import { createIntentCatalog } from "../../../shared/sagas/intent-catalog.ts";
import type { IntentDefinition } from "../../../shared/sagas/intent-definition.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

const ok = { run: () => ({}) };
const undo = { ...ok, undo: () => undefined };
const schema = z.string();
const done = () => ({});

const start = (more: Parameters<typeof plainIntent>[1] = {}) => plainIntent("test.plan", more);
const ends = () => start({ checkpoint: "ends" });

/** A plan of so many steps that commits at its ends. */
function stepsAtEnds(count: number): IntentDefinition {
  let plan = ends().step("s0", ok);
  for (let n = 1; n < count; n += 1) plan = plan.step(`s${n}`, ok);
  return plan.returns(done);
}

function thrownBy(build: () => unknown): RuntimeError {
  try {
    build();
  } catch (error) {
    return error as RuntimeError;
  }
  throw new Error("nothing was thrown");
}

/** Each plan that cannot work: its code, what its message must name, and what it must tell to do. */
const faults: readonly (readonly [string, string, readonly string[], () => unknown])[] = [
  ["no step", "plan.empty", ["add one"], () => start().returns(done)],
  [
    "two nodes of one name",
    "plan.duplicate_name",
    ["same", "its own name"],
    () =>
      start()
        .step("same", ok)
        .emit("same", { event: () => ({ type: "t", data: {} }) })
        .returns(done),
  ],
  [
    "a step longer than its function",
    "plan.step_outlives_function",
    ["slow", "120000 ms", "60000 ms", "shorten", "functionTimeout"],
    () =>
      start({ functionTimeout: "60s" })
        .step("slow", { ...ok, timeout: "2m" })
        .returns(done),
  ],
  [
    "a branch longer than its function",
    "plan.step_outlives_function",
    ["both/slow"],
    () =>
      start({ functionTimeout: "60s" })
        .parallel("both", { branches: { quick: ok, slow: { ...ok, timeout: "61s" } } })
        .returns(done),
  ],
  [
    "an item longer than its function",
    "plan.step_outlives_function",
    ["each"],
    () =>
      start({ functionTimeout: "60s" })
        .map("each", { over: () => [1], ...ok, timeout: "61s" })
        .returns(done),
  ],
  [
    "an undo after the pivot",
    "plan.undo_after_pivot",
    ["late", "charge", "remove", "move"],
    () => start().pivot("charge", ok).step("late", undo).returns(done),
  ],
  [
    "a branch with an undo after the pivot",
    "plan.undo_after_pivot",
    ["both/a"],
    () =>
      start()
        .pivot("charge", ok)
        .parallel("both", { branches: { a: undo } })
        .returns(done),
  ],
  [
    "a list with an undo after the pivot",
    "plan.undo_after_pivot",
    ["each"],
    () =>
      start()
        .pivot("charge", ok)
        .map("each", { over: () => [1], ...undo })
        .returns(done),
  ],
  [
    "an await longer than the intent",
    "plan.await_outlives_intent",
    ["approval", "shorten", "raise timeout"],
    () => start({ timeout: "1h" }).await("approval", { schema, timeout: "2h" }).returns(done),
  ],
  [
    "an await in a plan that commits at its ends",
    "plan.ends_needs_steps",
    ["approval", 'checkpoint "each"'],
    () => ends().await("approval", { schema }).returns(done),
  ],
  [
    "a pivot in a plan that commits at its ends",
    "plan.ends_needs_steps",
    ["charge"],
    () => ends().pivot("charge", ok).returns(done),
  ],
  [
    "an at-most-once step in a plan that commits at its ends",
    "plan.ends_needs_steps",
    ["once"],
    () =>
      ends()
        .step("once", { ...ok, semantics: "at-most-once" })
        .returns(done),
  ],
  [
    "a group in a plan that commits at its ends",
    "plan.ends_needs_steps",
    ["both"],
    () =>
      ends()
        .parallel("both", { branches: { a: ok } })
        .returns(done),
  ],
  [
    "a sleep in a plan that commits at its ends",
    "plan.ends_needs_steps",
    ["nap"],
    () => ends().sleep("nap", { delay: "1s" }).returns(done),
  ],
  [
    "more steps than one commit takes in a plan that commits at its ends",
    "plan.ends_too_long",
    ["129 steps", "128", 'checkpoint "each"'],
    () => stepsAtEnds(129),
  ],
  [
    "an event whose type no message carries",
    "plan.bad_event_type",
    ["1025 bytes", "1024"],
    () =>
      start({ events: { [`é${"x".repeat(1_023)}`]: z.object({}) } })
        .step("a", ok)
        .returns(done),
  ],
];

describe("a plan that cannot work is refused when it is built", () => {
  it.each(faults)("%s: %s, saying where and what to do", (_, code, words, build) => {
    const error = thrownBy(build);
    expect(error.code).toBe(code);
    for (const word of ["test.plan", ...words]) expect(error.message).toContain(word);
  });

  it.each([
    ["the pivot itself may have an undo", () => start().step("a", undo).pivot("b", undo).returns(done)],
    [
      "a step may be as long as its function",
      () =>
        start({ functionTimeout: "60s" })
          .step("a", { ...ok, timeout: "60s" })
          .returns(done),
    ],
    [
      "an await may be as long as its intent",
      () => start({ timeout: "1h" }).await("a", { schema, timeout: "1h" }).returns(done),
    ],
    ["as many steps as one commit takes may commit at their ends", () => stepsAtEnds(128)],
    ["there may be two pivots", () => start().pivot("a", ok).pivot("b", ok).returns(done)],
    [
      "idempotent steps may commit at their ends",
      () =>
        ends()
          .step("a", undo)
          .step("b", { ...ok, when: () => true })
          .returns(done),
    ],
  ])("%s", (_, build) => {
    expect(build().plan.nodes.length).toBeGreaterThan(0);
  });
});

const calls = (type: string, ...children: IntentDefinition[]): IntentDefinition => {
  const first = plainIntent(type as "a.b").step("first", ok);
  const builder = children.reduce<Pick<typeof first, "call" | "returns">>(
    (before, child, index) => before.call(`c${index}`, { intent: child, input: () => ({}) }),
    first,
  );
  return builder.returns(done);
};

describe("the catalog", () => {
  it("refuses an intent that calls itself, over any number of children, and shows the circle", () => {
    const stub = calls("test.a");
    const c = calls("test.c", stub);
    const a = calls("test.a", calls("test.b", c));
    const error = thrownBy(() => createIntentCatalog([a, calls("test.b", c), c]));
    expect(error.code).toBe("catalog.child_cycle");
    expect(error.message).toContain("test.a → test.b → test.c → test.a");
    expect(thrownBy(() => createIntentCatalog([calls("test.a", stub)])).message).toContain("test.a → test.a");
  });

  it("a child that two others call is no circle", () => {
    const leaf = calls("test.leaf");
    const [b, c] = [calls("test.b", leaf, leaf), calls("test.c", leaf)];
    expect(createIntentCatalog([calls("test.a", b, c), b, c, leaf]).definitions).toHaveLength(4);
  });

  it("refuses a child that it does not have, and names both", () => {
    const error = thrownBy(() => createIntentCatalog([calls("test.a", calls("test.lost"))]));
    expect(error.code).toBe("catalog.unknown_child");
    expect(error.message).toMatch(/test\.a.*test\.lost.*add it/);
  });

  it("asks for what an older version calls too, which is no circle for coming back to the newest", () => {
    const b = calls("test.b", plainIntent("test.a", { version: 2 }).step("a", ok).returns(done));
    const old = plainIntent("test.a", { version: 1 })
      .call("c", { intent: b, input: () => ({}) })
      .returns(done);
    const now = plainIntent("test.a", { version: 2 }).step("a", ok).returns(done);
    const error = thrownBy(() => createIntentCatalog([old, now]));
    expect(error.code).toBe("catalog.unknown_child");
    expect(error.message).toMatch(/test\.a version 1 calls test\.b/);
    expect(createIntentCatalog([old, now, b]).definitions).toEqual([now, b]);
  });

  it("has every version, finds the newest, whatever their order, and refuses one version twice", () => {
    const version = (n: number) => plainIntent("test.versions", { version: n }).step("a", ok).returns(done);
    const [one, two, ten] = [version(1), version(2), version(10)];
    const catalog = createIntentCatalog([two, ten, one]);
    expect(catalog.find("test.versions")).toBe(ten);
    expect(catalog.find("versions")).toBe(ten);
    expect([1, 2, 3, 10].map((n) => catalog.version("test.versions", n))).toEqual([one, two, undefined, ten]);
    expect(catalog.version("versions", 1)).toBeUndefined();
    expect(catalog.definitions).toEqual([ten]);
    expect(thrownBy(() => createIntentCatalog([one, two, version(2)])).code).toBe("catalog.duplicate");
  });
});
