import { describe, expect, it, vi } from "vitest";

import type { Repeat } from "../../../shared/executions/execution-control.ts";
import type { Execution } from "../../../shared/executions/execution.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createGate } from "../../kit/gate.ts";
import { type Lab, openLab } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openRuntime, testIds } from "../../kit/runtime.ts";

/** Fails while the bank is closed; then it passes the gate. */
function banking() {
  const bank = { open: false };
  const gate = createGate();
  const definition = plainIntent("test.banking")
    .step("one", { run: () => ({}) })
    .step("two", {
      run: async () => {
        if (!bank.open) throw new TerminalError("test.closed", "No.");
        await gate.pass();
        return {};
      },
    })
    .returns(() => ({}));
  return { bank, gate, definition };
}

const repeatOf = (on: Lab, old: Execution, more: Partial<Repeat> = {}, worker = on.first) =>
  worker.services.control.retry(on.tenantId, old.execution_id, {
    userId: undefined,
    traceId: testIds.trace(),
    ...more,
  });

describe("retrying what failed", () => {
  it("R1: of many who retry it at once one does, and the others hear by which execution", async () => {
    const { bank, gate, definition } = banking();
    await using on = await openLab({ intents: [definition] });
    const other = await on.hire();
    const old = await on.play("test.banking", "failed");
    bank.open = true;
    const tries = Array.from({ length: 8 }, (_, n) => repeatOf(on, old, {}, n % 2 === 0 ? on.first : other));
    const outcomes = await Promise.allSettled(tries);
    const [accepted, ...more] = outcomes.flatMap((each) => (each.status === "fulfilled" ? [each.value.execution] : []));
    expect(more).toEqual([]);
    const by = accepted?.execution_id;
    for (const each of outcomes.filter(({ status }) => status === "rejected")) {
      expect(each).toMatchObject({ reason: { code: "execution.retried", status: 409, details: { retried_by: by } } });
    }
    gate.open();
    await on.reach(by ?? old.execution_id, "completed");
    const late = { code: "execution.retried", details: { retried_by: by, status: "completed" } };
    await expect(repeatOf(on, old)).rejects.toMatchObject(late);
  });

  it("R2: it may be retried again when the retry failed as well", async () => {
    const { bank, gate, definition } = banking();
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.banking", "failed");
    const { execution: second } = await repeatOf(on, old);
    await on.reach(second.execution_id, "failed");
    bank.open = true;
    gate.open();
    const { execution: third } = await repeatOf(on, old);
    expect(third.execution_id).not.toBe(second.execution_id);
    await on.reach(third.execution_id, "completed");
  });

  it("asked again under the same idempotency key it is the same new execution, as often as it is asked", async () => {
    const { bank, gate, definition } = banking();
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.banking", "failed");
    bank.open = true;
    gate.open();
    const key = { idempotencyKey: "once" };
    const [one, two] = await Promise.all([repeatOf(on, old, key), repeatOf(on, old, key)]);
    expect(two.execution.execution_id).toBe(one.execution.execution_id);
    await on.reach(one.execution.execution_id, "completed");
    const late = await repeatOf(on, old, key);
    expect([late.fresh, late.execution.execution_id]).toEqual([false, one.execution.execution_id]);
  });

  it("goes on in another session when its own is over", async () => {
    const { bank, gate, definition } = banking();
    await using runtime = await openRuntime({ intents: [definition] });
    const { services, tenantId, sessionId } = runtime;
    const old = await runtime.run("test.banking");
    bank.open = true;
    gate.open();
    await services.sessions.close(tenantId, sessionId, testIds.trace());
    const repeat = { userId: undefined, traceId: testIds.trace() };
    const retried = services.control.retry(tenantId, old.execution_id, repeat);
    await expect(retried).rejects.toMatchObject({ code: "session.not_active" });
    const draft = { tenantId, userId: undefined, context: {}, metadata: {}, traceId: testIds.trace() };
    const { session } = await services.sessions.create(draft);
    const inAnother = { ...repeat, sessionId: session.session_id };
    const { execution } = await services.control.retry(tenantId, old.execution_id, inAnother);
    expect(execution.session_id).toBe(session.session_id);
    await vi.waitFor(async () => {
      expect((await services.lifecycle.get(tenantId, execution.execution_id)).status).toBe("completed");
    });
  });
});

describe("forking", () => {
  it("under one idempotency key from one step it is one execution; from another step it is refused", async () => {
    const { definition } = banking();
    await using on = await openLab({ intents: [definition] });
    const old = await on.play("test.banking", "failed");
    const fork = (step: string) =>
      on.first.services.control.fork(on.tenantId, old.execution_id, step, {
        userId: undefined,
        traceId: testIds.trace(),
        idempotencyKey: "once",
      });
    const [one, two] = [await fork("two"), await fork("two")];
    expect(two.execution.execution_id).toBe(one.execution.execution_id);
    await expect(fork("one")).rejects.toMatchObject({ code: "idempotency.other_body", status: 422 });
    await on.reach(one.execution.execution_id, "failed");
  });
});
