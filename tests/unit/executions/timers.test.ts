import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { durationMs } from "../../../shared/duration.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openLab, outline, stepOf } from "../../kit/lab.ts";
import { START_MS } from "../manual-clock.ts";

const DAY = durationMs("1d");

describe("timers", () => {
  it("a sleep of days holds nothing, lasts as long as it says, and outlives its worker", async () => {
    const definition = plainIntent("test.sleepy")
      .step("before", { run: () => ({}) })
      .sleep("days", { delay: "3d" })
      .step("after", { run: ({ now }) => ({ at: now() }) })
      .returns(({ outputs }) => outputs.after);
    await using on = await openLab({ intents: [definition] });
    const { execution_id, steps } = await on.play("test.sleepy", "suspended");
    expect(steps[1]?.due_at).toBe(new Date(START_MS + 3 * DAY).toISOString());
    await on.first.services.lifecycle.stop(0);
    const other = await on.hire();
    await on.clock.advance(3 * DAY - 1);
    expect(await other.services.recovery.sweep()).toMatchObject({ takenUp: 0 });
    await on.clock.advance(1);
    expect(await on.due()).toEqual([execution_id]);
    expect(await other.services.recovery.sweep()).toMatchObject({ takenUp: 1 });
    expect(await on.reach(execution_id, "completed")).toMatchObject({ output: { at: START_MS + 3 * DAY } });
  });

  it("a push ends a short sleep on time, without a sweep", async () => {
    const definition = plainIntent("test.nap")
      .sleep("nap", { delay: "5s" })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.nap", "suspended");
    await on.clock.advance(4_999);
    expect(await on.state(execution_id)).toMatchObject({ status: "suspended" });
    await on.clock.advance(1);
    await on.reach(execution_id, "completed");
  });

  it("an await that times out compensates", async () => {
    const undo = vi.fn<() => void>();
    const definition = plainIntent("test.waits")
      .step("reserve", { run: () => ({}), undo })
      .await("approval", { schema: z.string(), timeout: "48h", onTimeout: "compensate" })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.waits", "suspended");
    await on.clock.advance(2 * DAY - 1);
    expect(await on.first.services.recovery.sweep()).toMatchObject({ takenUp: 0 });
    await on.clock.advance(1);
    await on.first.services.recovery.sweep();
    const ended = await on.reach(execution_id, "compensated");
    expect(ended.error).toMatchObject({ code: "await.timed_out", status: 504, step_name: "approval" });
    expect(outline(ended)).toEqual(["reserve: compensated", "approval: failed"]);
    expect(undo).toHaveBeenCalledTimes(1);
  });

  it("an await that times out may also go on, with null in the place of what was sent", async () => {
    const definition = plainIntent("test.waits")
      .await("answer", { schema: z.string(), timeout: "1h", onTimeout: "continue" })
      .step("after", { run: ({ outputs }) => ({ answer: outputs.answer }) })
      .returns(({ outputs }) => outputs.after);
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.waits", "suspended");
    await on.clock.advance(durationMs("1h"));
    await on.first.services.recovery.sweep();
    expect(await on.reach(execution_id, "completed")).toMatchObject({ output: { answer: null } });
  });

  it("an await without a time-out waits until the execution's own end, and is due then", async () => {
    const undo = vi.fn<() => void>();
    const definition = plainIntent("test.waits", { timeout: "10d" })
      .step("reserve", { run: () => ({}), undo })
      .await("approval", { schema: z.string() })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.waits", "suspended");
    await on.clock.advance(10 * DAY - 1);
    expect(await on.due()).toEqual([]);
    await on.clock.advance(1);
    await on.first.services.recovery.sweep();
    const ended = await on.reach(execution_id, "compensated");
    expect(ended.error).toMatchObject({ code: "execution.timed_out", status: 504, step_name: "approval" });
    expect(undo).toHaveBeenCalledTimes(1);
  });

  it("an execution that is out of time begins no further step", async () => {
    const after = vi.fn<() => object>(() => ({}));
    const definition = plainIntent("test.late", { timeout: "1h" })
      .sleep("first", { delay: "2h" })
      .step("after", { run: after as never })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.late", "suspended");
    await on.clock.advance(durationMs("1h"));
    await on.first.services.recovery.sweep();
    const ended = await on.reach(execution_id, "failed");
    expect(ended.error?.code).toBe("execution.timed_out");
    expect(after).not.toHaveBeenCalled();
  });

  it("a retry that would come after the execution's end does not outlast it", async () => {
    const definition = plainIntent("test.late", { timeout: "1h" })
      .step("flaky", {
        retry: { maxAttempts: 99, initialDelay: "5h", maxDelay: "5h" },
        run: () => Promise.reject(new Error("flaky")),
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition], fraction: () => 1 });
    const { execution_id } = await on.play("test.late", "suspended");
    await on.clock.advance(durationMs("1h"));
    await on.first.services.recovery.sweep();
    expect((await on.reach(execution_id, "failed")).error?.code).toBe("execution.timed_out");
  });

  it("T2: an execution that is woken too early records its waking and goes on waiting for the same moment", async () => {
    const definition = plainIntent("test.sleepy")
      .sleep("hour", { delay: "1h" })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const before = await on.play("test.sleepy", "suspended");
    const { execution_id } = before;
    on.first.services.recovery.wake({ tenantId: on.tenantId, executionId: execution_id });
    await vi.waitFor(() => expect(on.counting.claims).toHaveLength(1));
    const after = await on.reach(execution_id, "suspended");
    expect(stepOf(after, "hour").due_at).toBe(stepOf(before, "hour").due_at);
    await on.clock.advance(durationMs("1h"));
    expect(await on.due()).toEqual([execution_id]);
  });
});
