import { describe, expect, it } from "vitest";
import * as z from "zod";

import { planDrawing } from "../../../infra/cli/plan-drawing.ts";
import { catalogIntent } from "../../../infra/cli/intent-catalog.ts";
import { styleFor } from "../../../infra/cli/terminal.ts";
import { describeIntent } from "../../../shared/http/routes/catalog.ts";
import { intent } from "../../../shared/sagas/intent.ts";

const done = { run: () => ({}) };
const child = intent("test.child", { version: 1, description: "A child.", input: z.object({}), output: z.object({}) })
  .step("only", done)
  .returns(() => ({}));
const everything = intent("test.everything", {
  version: 3,
  description: "All.",
  input: z.object({}),
  output: z.object({}),
})
  .step("reserve", { ...done, undo: () => undefined, timeout: "20s", retry: { maxAttempts: 5 } })
  .await("approval", { schema: z.object({}), timeout: "48h", onTimeout: "compensate" })
  .sleep("cool_down", { delay: "1h" })
  .parallel("notify", { branches: { mail: done, post: { ...done, semantics: "at-most-once" } } })
  .map("each_item", { over: () => [1, 2], concurrency: 3, ...done })
  .call("sub", { intent: child, input: () => ({}) })
  .pivot("charge", done)
  .emit("told", { event: () => ({ type: "test.told", data: {} }), when: () => true })
  .returns(() => ({}));

describe("the drawing of a plan", () => {
  it("has a line for each node of every kind, as the catalog tells of it", () => {
    const { plan } = catalogIntent.parse(JSON.parse(JSON.stringify(describeIntent(everything))));
    const drawing = planDrawing(plan.nodes, styleFor({ write: () => undefined }, {}));
    expect(`\n${drawing.join("\n")}\n`).toMatchInlineSnapshot(`
      "
        ○ accept
        │
        ■ reserve  can be undone, 20 s each, up to 5 attempts
        │
        ◷ approval  waits for its signal, for 2 d, then compensates
        │
        ◷ cool_down  sleeps 1 h
        │
        ┳ notify  side by side, the first failure ends it
        ┣━■ mail  1 min each, up to 3 attempts
        ┗━■ post  1 min each, at most once
        │
        ▤ each_item  each item, 3 at a time, the first failure ends it, 1 min each, up to 3 attempts
        │
        ↳ sub  calls test.child
        │
        ◆ charge  pivot: from here only forward, 1 min each, up to 3 attempts
        │
        ▷ told  emits an event, when its condition holds
        │
        ● done
      "
    `);
  });
});
