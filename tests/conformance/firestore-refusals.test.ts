import { randomUUID } from "node:crypto";

import { describe, expect, it } from "vitest";

import { createFirestoreStore } from "../../infra/adapters/firestore/execution-store.ts";
import { type JsonObject, jsonObject } from "../../shared/json.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import type { StepContext, UndoContext } from "../../shared/sagas/step-context.ts";
import type { RecordKind } from "../../shared/state/record-kind.ts";
import { auditAll } from "../kit/audit.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import { plainIntent } from "../kit/plain-intent.ts";
import { openRuntime } from "../kit/runtime.ts";

type Context = StepContext<JsonObject, unknown>;

/** A record that is found by what it is called. */
const named: RecordKind<JsonObject> = {
  name: "named",
  schema: jsonObject,
  facets: ({ name }) => (typeof name === "string" ? [name] : []),
};
const undoable = { run: () => ({}), undo: () => ({}) };
/** What one step may change at the most, or nearly. */
const putMuch = (ctx: Context): JsonObject => {
  for (let n = 0; n < 8; n += 1) ctx.state.put(named, `${ctx.key}/${n}`, { text: "x".repeat(520_000) });
  return {};
};

const putMany = (ctx: Context): JsonObject => {
  for (let n = 0; n < 320; n += 1) ctx.state.put(named, `row/${n}`, {});
  for (let n = 0; n < 50; n += 1) ctx.emit("told", { text: "x".repeat(10_000) });
  return {};
};

withParts(["firestore"], () => {
  describe("E6: what Firestore will never take", () => {
    it("an output of 2 MB rests in the object store, and what one step may change is taken", async () => {
      const large = plainIntent("test.large")
        .step("returns", { run: () => ({ text: "x".repeat(2_000_000) }) })
        .step("bytes", { run: putMuch })
        .step("rows", { run: putMany })
        .returns(() => ({}));
      expect(await outcome(large)).toMatchObject({ status: "completed", faults: [] });
    });

    it("the longest plan that commits at its ends is taken, with what one step of it may change", async () => {
      let longest = plainIntent("test.longest", { checkpoint: "ends" }).step("rows", { run: putMany });
      for (let n = 1; n < 128; n += 1) longest = longest.step(`step_${n}`, { run: () => ({}) });
      expect(await outcome(longest.returns(() => ({})))).toMatchObject({ status: "completed", faults: [] });
    });

    it.each<[string, JsonObject | string]>([
      ["a name too long for its indexes", { name: "x".repeat(1_500) }],
      ["an id that is no text", "\ud800"],
    ])("%s fails the step for good, and the saga turns back", async (_, given) => {
      let runs = 0;
      const put = (ctx: Context): JsonObject => {
        runs += 1;
        if (typeof given === "string") ctx.state.put(named, given, {});
        else ctx.state.put(named, "a", given);
        return {};
      };
      const saga = plainIntent("test.refused")
        .step("first", undoable)
        .step("put", { run: put })
        .returns(() => ({}));
      const ended = await outcome(saga);
      expect(ended).toMatchObject({ status: "compensated", error: { step_name: "put" }, faults: [] });
      expect([ended.error?.code, runs]).toEqual([
        typeof given === "string" ? "store.text_malformed" : "store.change_too_large",
        1,
      ]);
    });

    it("an undo of that kind leaves the execution to a person", async () => {
      const undo = (ctx: UndoContext<JsonObject, unknown, unknown>): void =>
        ctx.state.put(named, "a", { name: "x".repeat(1_500) });
      const saga = plainIntent("test.undo")
        .step("first", { run: () => ({}), undo })
        .step("fails", { run: () => Promise.reject(new Error("no")), retry: { maxAttempts: 1 } })
        .returns(() => ({}));
      expect(await outcome(saga)).toMatchObject({ status: "dead", error: { code: "store.change_too_large" } });
    });

    it("a plan that commits at its ends fails when its steps together change too much", async () => {
      const saga = plainIntent("test.ends", { checkpoint: "ends" })
        .step("one", { run: putMuch, undo: () => ({}) })
        .step("two", { run: putMuch })
        .step("three", { run: putMuch })
        .returns(() => ({}));
      const error = { code: "store.change_too_large", step_name: "three", details: { what: "bytes" } };
      expect(await outcome(saga)).toMatchObject({ status: "compensated", error, faults: [] });
    });
  });
});

/** How one execution of it ends, and what an audit finds wrong. */
async function outcome(intent: IntentDefinition) {
  const store = createFirestoreStore({ projectId: `test-${randomUUID()}`, emulatorHost: await sharedFirestore() });
  try {
    await using runtime = await openRuntime({ store, intents: [intent] });
    const ended = await runtime.run(intent.type, {}, { idempotencyKey: "key" });
    await runtime.services.relay.drain();
    const accepted = new Map([["key", ended.execution_id]]);
    const { faults } = await auditAll({ store, tenantId: runtime.tenantId, intents: [intent], accepted });
    return { ...ended, faults };
  } finally {
    await store.close();
  }
}
