import { describe, expect, it } from "vitest";
import * as z from "zod";

import { describePlan, planDiagram } from "../../../shared/sagas/describe-plan.ts";
import { diffPlans } from "../../../shared/sagas/diff-plans.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

const ok = { run: () => Promise.reject(new Error("a description runs nothing")) as never };
const work = { timeout_ms: 60_000, max_attempts: 3, semantics: "at-least-once", undo: false };

const child = plainIntent("test.child")
  .step("only", ok)
  .returns(() => ({}));
const definition = plainIntent("test.order", { version: 4 })
  .step("reserve", { ...ok, undo: () => undefined, timeout: "5s" })
  .await("approval", { schema: z.string(), timeout: "48h" })
  .sleep("cool_down", { delay: "1m", when: () => true })
  .parallel("tell", { branches: { mail: ok, phone: { ...ok, semantics: "at-most-once" } }, onFailure: "collect" })
  .map("pack", { over: () => [1], ...ok, concurrency: 2, retry: { maxAttempts: 9 } })
  .call("bill", { intent: child, input: () => ({}) })
  .pivot("charge", ok)
  .emit("done", { event: () => ({ type: "t", data: {} }) })
  .returns(() => ({}));

describe("a plan as data", () => {
  it("describes every node, with its times in milliseconds", () => {
    expect(describePlan(definition)).toEqual({
      type: "test.order",
      version: 4,
      checkpoint: "each",
      nodes: [
        { name: "reserve", conditional: false, kind: "step", pivot: false, ...work, timeout_ms: 5_000, undo: true },
        { name: "approval", conditional: false, kind: "await", timeout_ms: 172_800_000, on_timeout: "compensate" },
        { name: "cool_down", conditional: true, kind: "sleep", delay_ms: 60_000 },
        {
          name: "tell",
          conditional: false,
          kind: "parallel",
          on_failure: "collect",
          branches: { mail: work, phone: { ...work, max_attempts: 1, semantics: "at-most-once" } },
        },
        {
          name: "pack",
          conditional: false,
          kind: "map",
          on_failure: "fail_fast",
          concurrency: 2,
          ...work,
          max_attempts: 9,
        },
        { name: "bill", conditional: false, kind: "call", intent_type: "test.child" },
        { name: "charge", conditional: false, kind: "step", pivot: true, ...work },
        { name: "done", conditional: false, kind: "emit" },
      ],
    });
  });

  it("is drawn as a Mermaid flowchart", () => {
    expect(planDiagram(describePlan(definition))).toBe(`flowchart LR
  accept([accept])
  reserve[reserve]
  reserve -.-> undo_reserve[/undo reserve/]
  accept --> reserve
  approval[/await approval/]
  reserve --> approval
  cool_down(sleep 60000 ms)
  approval -->|when| cool_down
  tell_mail[tell/mail]
  tell_phone[tell/phone]
  cool_down --> tell_mail
  cool_down --> tell_phone
  pack[[pack: each item, 2 at a time]]
  tell_mail --> pack
  tell_phone --> pack
  bill[[test.child]]
  pack --> bill
  charge{{charge: pivot}}
  bill --> charge
  done>emit done]
  charge --> done
  done([done])
  done --> done`);
  });

  it("tells of a guest's step which module it is and what it may, so that a change of either is a change of the plan", () => {
    const guestPlan = (sha256: string, permissions: readonly string[]) =>
      plainIntent("test.guest")
        .wasm("price", {
          module: { sha256 },
          capabilities: [{ provider: "kv", permissions }],
          input: () => null,
          output: z.object({}),
        })
        .returns(() => ({}));
    const before = guestPlan("a".repeat(64), ["kv:read"]);
    const guest = {
      module_sha256: "a".repeat(64),
      export: null,
      timeout_ms: 5_000,
      capabilities: [{ provider_type: "kv", permissions: ["kv:read"] }],
    };
    expect(describePlan(before).nodes).toEqual([
      { name: "price", conditional: false, kind: "step", pivot: false, ...work, timeout_ms: 20_000, guest },
    ]);
    expect(planDiagram(describePlan(before))).toContain('price[["price: wasm aaaaaaaaaaaa"]]');
    for (const after of [guestPlan("b".repeat(64), ["kv:read"]), guestPlan("a".repeat(64), ["kv:write"])]) {
      expect(diffPlans(before.outline, after.outline).changed).toEqual(["price"]);
    }
    expect(diffPlans(before.outline, guestPlan("a".repeat(64), ["kv:read"]).outline).changed).toEqual([]);
  });
});
