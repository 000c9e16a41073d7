import { describe, expect, it, vi } from "vitest";

import { RuntimeError } from "../../../shared/errors.ts";
import { type RetryOptions, RetryableError, TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openLab, outline, stepOf } from "../../kit/lab.ts";
import { createManualClock, START_MS } from "../manual-clock.ts";

/** A saga whose second step throws what it is given; the first can be undone. */
function failing(thrown: () => unknown, retry?: RetryOptions, times = Number.POSITIVE_INFINITY) {
  const attempts: number[] = [];
  const undone = vi.fn<() => void>();
  const definition = plainIntent("test.failing")
    .step("before", { run: () => ({}), undo: undone })
    .step("fails", {
      ...(retry === undefined ? {} : { retry }),
      run: ({ attempt }) => {
        attempts.push(attempt);
        if (attempts.length <= times) throw thrown();
        return { attempt };
      },
    })
    .returns(({ outputs }) => outputs.fails);
  return { definition, attempts, undone };
}

describe("trying a step again", () => {
  it("waits longer each time: full jitter of the injected randomness over an exponential bound, up to the longest delay", async () => {
    const retry = { maxAttempts: 6, initialDelay: "1s", maxDelay: "5s" } as const;
    const { definition } = failing(() => new Error("flaky"), retry);
    await using on = await openLab({ intents: [definition], fraction: () => 0.9 });
    const id = await on.submit("test.failing");
    const delays: number[] = [];
    for (const attempt of [2, 3, 4, 5, 6]) {
      const waiting = await vi.waitFor(async () => {
        const found = await on.state(id);
        expect([found.status, stepOf(found, "fails").attempt]).toEqual(["suspended", attempt]);
        return found;
      });
      const delayMs = Date.parse(stepOf(waiting, "fails").due_at ?? "") - on.clock.now();
      delays.push(delayMs);
      await on.clock.advance(delayMs);
    }
    expect(delays).toEqual([900, 1_800, 3_600, 4_500, 4_500]);
    await on.reach(id, "compensated");
  });

  it("a draw of nothing tries again at once", async () => {
    const { definition, attempts } = failing(() => new Error("flaky"), undefined, 2);
    await using on = await openLab({ intents: [definition], fraction: () => 0 });
    expect(await on.play("test.failing", "completed")).toMatchObject({ output: { attempt: 3 } });
    expect(attempts).toEqual([1, 2, 3]);
  });

  it("RetryableError: waits as long as the error says, whatever the policy draws", async () => {
    const busy = () => new RetryableError("bank.busy", "Later.", { retryAfterMs: 90_000 });
    const { definition, attempts } = failing(busy, { maxDelay: "1s" }, 1);
    await using on = await openLab({ intents: [definition] });
    const waiting = await on.play("test.failing", "suspended");
    expect(stepOf(waiting, "fails")).toMatchObject({
      status: "started",
      attempt: 2,
      due_at: new Date(START_MS + 90_000).toISOString(),
      error: { code: "bank.busy" },
    });
    await on.clock.advance(89_999);
    await on.first.services.recovery.sweep();
    expect(attempts).toEqual([1]);
    await on.clock.advance(1);
    await on.first.services.recovery.sweep();
    await on.reach(waiting.execution_id, "completed");
    expect(attempts).toEqual([1, 2]);
  });

  it.each([
    ["TerminalError", () => new TerminalError("card.refused", "No money."), "card.refused"],
    ["RuntimeError that is not retryable", () => new RuntimeError("test.refused", "No."), "test.refused"],
  ])("%s: compensates at once, whatever the policy", async (_, thrown, code) => {
    const { definition, attempts, undone } = failing(thrown, { maxAttempts: 9 });
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.failing", "compensated");
    expect(ended.error).toMatchObject({ code, step_name: "fails" });
    expect(attempts).toEqual([1]);
    expect(undone).toHaveBeenCalledTimes(1);
    expect(outline(ended)).toEqual(["before: compensated", "fails: failed"]);
  });

  it.each([
    ["an unknown error", () => new Error("surprise"), "step.unexpected"],
    ["a retryable RuntimeError", () => new RuntimeError("test.busy", "Later.", { retryable: true }), "test.busy"],
    ["something that is no error", () => "a string", "step.unexpected"],
  ])("%s follows the policy to its last attempt", async (_, thrown, code) => {
    const { definition, attempts } = failing(thrown, { maxAttempts: 3 });
    await using on = await openLab({ intents: [definition], fraction: () => 0 });
    const ended = await on.play("test.failing", "compensated");
    expect(attempts).toEqual([1, 2, 3]);
    expect(stepOf(ended, "fails")).toMatchObject({ status: "failed", attempt: 3, error: { code } });
    expect(ended.error?.code).toBe(code);
  });

  it("one attempt is one attempt", async () => {
    const { definition, attempts } = failing(() => new Error("flaky"), { maxAttempts: 1 });
    await using on = await openLab({ intents: [definition] });
    await on.play("test.failing", "compensated");
    expect(attempts).toEqual([1]);
  });

  it("a step that takes too long is told by its signal, and tried again", async () => {
    const reasons: unknown[] = [];
    const definition = plainIntent("test.slow")
      .step("slow", {
        timeout: "10s",
        run: ({ signal, attempt }) => {
          if (attempt === 2) return { attempt };
          signal.addEventListener("abort", () => reasons.push((signal.reason as RuntimeError).code));
          return new Promise<{ attempt: number }>(() => undefined);
        },
      })
      .returns(({ outputs }) => outputs.slow);
    await using on = await openLab({ intents: [definition], fraction: () => 0 });
    const id = await on.submit("test.slow");
    await on.clock.advance(9_999);
    expect(reasons).toEqual([]);
    await on.clock.advance(1);
    expect(await on.reach(id, "completed")).toMatchObject({ output: { attempt: 2 } });
    expect(reasons).toEqual(["step.timed_out"]);
  });

  it("E5: a waiting retry is held by nobody, due when its time comes, and any worker takes it up", async () => {
    const busy = () => new RetryableError("bank.busy", "Later.", { retryAfterMs: 3_600_000 });
    const { definition, attempts } = failing(busy, undefined, 1);
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.failing", "suspended");
    expect(await on.due()).toEqual([]);
    // The other worker lives on a clock of its own: the first one, whose clock stands still, neither dies nor wakes.
    const clock = createManualClock(START_MS);
    const other = await on.hire([definition], clock);
    await clock.advance(3_599_999);
    expect(await other.services.recovery.sweep()).toMatchObject({ takenUp: 0 });
    await clock.advance(1);
    expect(await other.services.recovery.sweep()).toMatchObject({ takenUp: 1 });
    await on.reach(execution_id, "completed");
    expect(attempts).toEqual([1, 2]);
  });

  it("a push wakes a near retry on time, without a sweep", async () => {
    const { definition, attempts } = failing(() => new Error("flaky"), { initialDelay: "20s" }, 1);
    await using on = await openLab({ intents: [definition], fraction: () => 1 });
    const { execution_id } = await on.play("test.failing", "suspended");
    await on.clock.advance(19_999);
    expect(attempts).toEqual([1]);
    await on.clock.advance(1);
    await on.reach(execution_id, "completed");
  });

  it("a retry that waited is the next attempt, not a lost one: the attempts count on", async () => {
    const { definition, attempts } = failing(() => new Error("flaky"), { maxAttempts: 5 }, 3);
    await using on = await openLab({ intents: [definition], fraction: () => 1 });
    const id = await on.submit("test.failing");
    for (const wait of [200, 400, 800]) {
      await on.reach(id, "suspended");
      await on.clock.advance(wait);
    }
    expect(await on.reach(id, "completed")).toMatchObject({ output: { attempt: 4 } });
    expect(attempts).toEqual([1, 2, 3, 4]);
  });
});
