import { describe, expect, it, vi } from "vitest";

import { RuntimeError } from "../../../shared/errors.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { openLab, outline, type Lab, stepOf } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { testIds } from "../../kit/runtime.ts";

const unavailable = new RuntimeError("store.unavailable", "It is away.", { status: 503, retryable: true });

function shipping() {
  const carrier = { open: false, attempts: [] as number[] };
  const undo = vi.fn<() => void>();
  const definition = plainIntent("test.shipping")
    .step("reserve", { run: () => ({}), undo })
    .pivot("charge", { run: () => ({ paid: true }) })
    .step("ship", {
      run: ({ attempt }) => {
        carrier.attempts.push(attempt);
        if (!carrier.open) throw new TerminalError("carrier.closed", "Closed.");
        return { attempt };
      },
    })
    .step("tell", { run: () => ({}) })
    .returns(({ outputs }) => ({ ...outputs.charge, ...outputs.ship }));
  return { carrier, undo, definition };
}

const retry = (on: Lab, id: Awaited<ReturnType<Lab["submit"]>>) =>
  on.first.services.control.retry(on.tenantId, id, { userId: undefined, traceId: testIds.trace() });

describe("the pivot", () => {
  it("a failure after it undoes nothing: the execution is dead, for a person, with its evidence", async () => {
    const { definition, undo } = shipping();
    await using on = await openLab({ intents: [definition] });
    const dead = await on.play("test.shipping", "dead");
    expect(undo).not.toHaveBeenCalled();
    expect(dead).toMatchObject({ dead_while: "running", error: { code: "carrier.closed", step_name: "ship" } });
    expect(outline(dead)).toEqual(["reserve: completed", "charge: completed", "ship: failed"]);
    const { items } = await on.first.services.pendingIntents.list(on.tenantId, {}, { limit: 9 });
    expect(items).toMatchObject([
      { status: "pending", context: { while: "running", error: { code: "carrier.closed" } } },
    ]);
  });

  it("a retry lets a dead one go on, with the failed step at its first attempt, and without its old error", async () => {
    const { definition, carrier, undo } = shipping();
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.shipping", "dead");
    carrier.open = true;
    expect(await retry(on, execution_id)).toMatchObject({ fresh: false, execution: { execution_id } });
    const ended = await on.reach(execution_id, "completed");
    expect(ended.output).toEqual({ paid: true, attempt: 1 });
    expect(carrier.attempts).toEqual([1, 1]);
    expect(undo).not.toHaveBeenCalled();
    expect(ended.error).toBeUndefined();
    expect(stepOf(ended, "ship").error).toBeUndefined();
    expect(await on.first.services.lifecycle.replay(on.tenantId, execution_id)).toEqual(ended);
  });

  it("its pending intent lets it go on, by the very commit that answers it: a store that is away in between loses neither", async () => {
    const { definition, carrier } = shipping();
    let away = false;
    const over = (inner: ExecutionStore): Partial<ExecutionStore> => ({
      write: (tenantId, change) => {
        if (away && change.mail.length > 0) return Promise.reject(unavailable);
        return inner.write(tenantId, change);
      },
    });
    await using on = await openLab({ intents: [definition], over });
    const { execution_id } = await on.play("test.shipping", "dead");
    carrier.open = true;
    const { pendingIntents } = on.first.services;
    const statuses = async () =>
      (await pendingIntents.list(on.tenantId, {}, { limit: 9 })).items.map(({ status }) => status);
    const [question] = (await pendingIntents.list(on.tenantId, {}, { limit: 9 })).items;
    const takeUp = () =>
      pendingIntents.submit(question?.intent_id ?? "", {
        tenantId: on.tenantId,
        userId: "ann",
        sessionId: on.first.sessionId,
        parameters: {},
        traceId: testIds.trace(),
      });
    away = true;
    await expect(takeUp()).rejects.toThrow(unavailable);
    expect(await statuses()).toEqual(["pending"]);
    away = false;
    await takeUp();
    expect(await statuses()).toEqual(["completed"]);
    await on.reach(execution_id, "completed");
    await expect(takeUp()).rejects.toMatchObject({ code: "pending_intent.wrong_status", status: 409 });
  });

  it("a retry of one that fails again is dead again, as often as it takes", async () => {
    const { definition, carrier } = shipping();
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.shipping", "dead");
    for (const times of [2, 3]) {
      await retry(on, execution_id);
      await vi.waitFor(() => expect(carrier.attempts).toHaveLength(times));
      await on.reach(execution_id, "dead");
    }
    carrier.open = true;
    await retry(on, execution_id);
    await on.reach(execution_id, "completed");
  });

  it("a failure of the pivot itself compensates: it is passed only once it has completed", async () => {
    const undo = vi.fn<() => void>();
    const definition = plainIntent("test.charge")
      .step("reserve", { run: () => ({}), undo })
      .pivot("charge", { run: () => Promise.reject(new TerminalError("card.refused", "No.")) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.charge", "compensated");
    expect(ended.error?.code).toBe("card.refused");
    expect(undo).toHaveBeenCalledTimes(1);
  });

  it("a worker that dies after the pivot does not bring the way back", async () => {
    const { definition, carrier, undo } = shipping();
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.shipping", "dead");
    await on.first.services.lifecycle.stop(0);
    const other = await on.hire();
    carrier.open = true;
    await other.services.control.retry(on.tenantId, execution_id, { userId: undefined, traceId: testIds.trace() });
    await on.reach(execution_id, "completed");
    expect(undo).not.toHaveBeenCalled();
  });
});
