import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { type ConcurrencySlots, createConcurrencySlots } from "../../../shared/policy/concurrency-slots.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createIntentCatalog } from "../../../shared/sagas/intent-catalog.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { UnitOfWork } from "../../../shared/state/unit-of-work.ts";
import { createGate } from "../../kit/gate.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, testIds } from "../../kit/runtime.ts";

const keyOf = (input: { readonly file?: unknown }): string => String(input.file);

function limitedTo(limit: number, pass: () => Promise<unknown>) {
  return plainIntent("test.limited", { concurrency: { key: keyOf, limit } })
    .step("work", { run: () => pass().then(() => ({})) })
    .returns(() => ({}));
}

const refused = { code: "policy.concurrency", status: 429, details: { policy: "concurrency_key" } };

describe("an intent that limits how many of a key run at a time", () => {
  it("refuses one more of the key, takes other keys, and takes the key again when it is free", async () => {
    const gate = createGate();
    await using runtime = await openRuntime({ intents: [limitedTo(1, () => gate.pass())] });
    const first = await runtime.submit("test.limited", { file: "a" });
    await expect(runtime.submit("test.limited", { file: "a" })).rejects.toMatchObject(refused);
    await runtime.submit("test.limited", { file: "b" });
    gate.open();
    await runtime.services.lifecycle.wait(runtime.tenantId, first.execution.execution_id, 5_000);
    expect((await runtime.run("test.limited", { file: "a" })).status).toBe("completed");
  });

  it("C1: of many that come at once over several workers, exactly as many as may are accepted", async () => {
    const store = createSqliteStore(":memory:");
    const gate = createGate();
    const intents = [limitedTo(3, () => gate.pass())];
    await using one = await openRuntime({ intents, store });
    await using other = await openRuntime({ intents, store });
    const race = Array.from({ length: 24 }, (_, n) =>
      (n % 2 === 0 ? one : other).submit("test.limited", { file: "a" }),
    );
    const outcomes = await Promise.allSettled(race);
    const accepted = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    for (const outcome of outcomes) if (outcome.status === "rejected") expect(outcome.reason).toMatchObject(refused);
    expect(accepted).toHaveLength(3);
    const { items } = await store.listExecutions(one.tenantId, { live: true }, { limit: 100 });
    expect(items).toHaveLength(3);
    gate.open();
    await Promise.all([one.services.lifecycle.idle(), other.services.lifecycle.idle()]);
    // All slots were used before: freed ones are found, and no more than there are.
    const again = await Promise.allSettled(
      Array.from({ length: 3 }, () => other.submit("test.limited", { file: "a" })),
    );
    expect(again.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(0);
  });

  it("C1: of two that find the same slot free, the slower one gets nothing that it could commit", async () => {
    const store = createSqliteStore(":memory:");
    const surface = createStateSurface(store);
    const tenantId = trustedTenantId("acme");
    const isOver = () => Promise.resolve(true);
    const take = async (slots: ConcurrencySlots) => {
      const unit = new UnitOfWork(surface, tenantId, 0);
      const wish = { intentType: "test.limited", key: "a", limit: 1, executionId: testIds.execution(), nowMs: 0 };
      const found = await slots.take(unit, wish);
      const { outcome } = await store.write(tenantId, { records: unit.records, log: [], outbox: [], mail: [] });
      return [found, outcome];
    };
    const faster = createConcurrencySlots({ surface, isOver });
    expect(await take(faster)).toEqual(["free", "written"]);
    const slower = createConcurrencySlots({
      surface,
      isOver: async () => {
        expect(await take(faster)).toEqual(["free", "written"]);
        return true;
      },
    });
    expect(await take(slower)).toEqual(["full", "conflict"]);
    await store.close();
  });

  it("C1: keeps to a limit that a later version lowers, and takes the key again when it is free", async () => {
    const store = createSqliteStore(":memory:");
    const gate = createGate();
    await using wide = await openRuntime({ intents: [limitedTo(6, () => gate.pass())], store });
    await using narrow = await openRuntime({ intents: [limitedTo(2, () => gate.pass())], store });
    for (let n = 0; n < 6; n += 1) await wide.submit("test.limited", { file: "a" });
    await expect(narrow.submit("test.limited", { file: "a" })).rejects.toMatchObject(refused);
    gate.open();
    await wide.services.lifecycle.idle();
    expect((await narrow.run("test.limited", { file: "a" })).status).toBe("completed");
  });

  it("answers a repeat with the execution that holds the key, and tells another body under the same idempotency key", async () => {
    const gate = createGate();
    await using runtime = await openRuntime({ intents: [limitedTo(1, () => gate.pass())] });
    const again = { idempotencyKey: "once" };
    const first = await runtime.submit("test.limited", { file: "a" }, again);
    const second = await runtime.submit("test.limited", { file: "a" }, again);
    expect([second.fresh, second.execution.execution_id]).toEqual([false, first.execution.execution_id]);
    await expect(runtime.submit("test.limited", { file: "a", x: 1 }, again)).rejects.toMatchObject({
      code: "idempotency.other_body",
    });
    await expect(runtime.submit("test.limited", { file: "a" }, { idempotencyKey: "two" })).rejects.toMatchObject(
      refused,
    );
    gate.open();
  });

  it("C2: a failed one leaves its key free", async () => {
    const failing = limitedTo(1, () => Promise.reject(new TerminalError("test.no", "No.")));
    await using runtime = await openRuntime({ intents: [failing] });
    for (let n = 0; n < 3; n += 1) {
      expect((await runtime.run("test.limited", { file: "a" })).status).toBe("failed");
    }
  });

  it("is not to be called as a child, nor without a sensible limit", () => {
    const child = limitedTo(1, () => Promise.resolve());
    const parent = plainIntent("test.parent")
      .call("child", { intent: child, input: () => ({}) })
      .returns(() => ({}));
    expect(() => createIntentCatalog([child, parent])).toThrow(
      expect.objectContaining({ code: "catalog.limited_child" }),
    );
    expect(() => limitedTo(0, () => Promise.resolve())).toThrow(
      expect.objectContaining({ code: "plan.bad_concurrency" }),
    );
  });
});
