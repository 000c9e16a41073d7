import { describe, expect, it } from "vitest";
import * as z from "zod";

import type { JsonObject } from "../../shared/json.ts";
import { TerminalError } from "../../shared/sagas/retry-policy.ts";
import type { StepContext, UndoContext } from "../../shared/sagas/step-context.ts";
import { chaos } from "../kit/chaos.ts";
import { plainIntent } from "../kit/plain-intent.ts";

type Context = StepContext<JsonObject, unknown>;

/** A step with an effect, and its undo. */
const effect = {
  run: async (ctx: Context) => {
    await ctx.effects.apply({ step: ctx.key.split("/").slice(1).join("/") });
    return { applied: true };
  },
  undo: (ctx: UndoContext<JsonObject, unknown, unknown>) => ctx.effects.undo(),
};
const refuse = {
  run: (): JsonObject => {
    throw new TerminalError("test.refused", "It refuses.");
  },
};

const child = plainIntent("test.child")
  .step("work", effect)
  .returns(() => ({ child: true }));

/** Every kind of node, with waits of days. */
const everything = (last: typeof effect | typeof refuse) =>
  plainIntent("test.everything")
    .step("first", effect)
    .parallel("both", { branches: { left: effect, right: effect } })
    .map("each", { over: () => [1, 2, 3], concurrency: 2, ...effect })
    .sleep("night", { delay: "2d" })
    .await("approval", { schema: z.object({ by: z.string() }), timeout: "48h" })
    .await("late", { schema: z.string(), timeout: "10d", onTimeout: "continue" })
    .emit("tell", { event: () => ({ type: "told", data: { all: true } }) })
    .call("child", { intent: child, input: () => ({}) })
    .step("skipped", { ...effect, when: () => false })
    .step("last", last)
    .returns(({ outputs }) => ({ approval: outputs.approval, late: outputs.late, child: outputs.child }));

describe.concurrent("chaos", () => {
  it("finds nothing wrong with every kind of node, over days of waiting", async () => {
    const signals = { approval: { by: "ann" } };
    const report = await chaos(everything(effect), {}, { children: [child], signals });
    expect(report.execution).toMatchObject({
      status: "completed",
      output: { approval: { by: "ann" }, late: null, child: { child: true } },
    });
    expect(report.crashes).toBeGreaterThan(80);
  });

  it("finds nothing wrong with turning back over every kind of node", async () => {
    const signals = { approval: { by: "ann" } };
    const report = await chaos(everything(refuse), {}, { children: [child], signals });
    expect(report.execution).toMatchObject({ status: "compensated", error: { code: "test.refused" } });
  });

  it("finds nothing wrong with a wait that nobody ends", async () => {
    const report = await chaos(everything(effect), {}, { children: [child] });
    expect(report.execution).toMatchObject({ status: "compensated", error: { code: "await.timed_out" } });
  });

  it("takes an at-most-once step for what it is", async () => {
    const once = plainIntent("test.once")
      .step("first", effect)
      .step("charge", { run: () => ({ charged: true }), semantics: "at-most-once" })
      .returns(() => ({}));
    expect((await chaos(once, {})).execution.status).toBe("completed");
  });

  it("finds what a step leaves behind by not being idempotent, and tells the shortest history", async () => {
    let counter = 0;
    const careless = plainIntent("test.careless")
      .step("count", {
        run: async (ctx: Context) => {
          // Counted before the result is recorded, outside of anything that is committed with it.
          counter = ctx.attempt === 1 ? 1 : counter + 1;
          await ctx.effects.apply({});
          return { counter };
        },
      })
      .returns(({ outputs }) => ({ counter: outputs.count.counter }));
    await expect(chaos(careless, {})).rejects.toThrow(
      /test\.careless breaks when its worker dies .*\n.*"counter":1[^]*What happened:\n[^]*CRASHES/,
    );
  });

  it("finds an effect that the undo forgets", async () => {
    const forgetful = plainIntent("test.forgetful")
      .step("take", { run: effect.run, undo: () => undefined })
      .step("last", refuse)
      .returns(() => ({}));
    await expect(chaos(forgetful, {})).rejects.toThrow(/without any crash:\n.*the effect of take was left behind/);
  });
});
