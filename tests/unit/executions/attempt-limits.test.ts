import { describe, expect, it } from "vitest";

import { AttemptLimits } from "../../../shared/executions/attempt-limits.ts";
import { createManualClock } from "../manual-clock.ts";

function open() {
  const clock = createManualClock();
  const [stopping, unwanted] = [new AbortController(), new AbortController()];
  const limits = new AttemptLimits(clock, {
    stepName: "one",
    timeoutMs: 1_000,
    stopping: stopping.signal,
    unwanted: () => unwanted.signal,
  });
  return { clock, stopping, unwanted, limits };
}

describe("the limits of an attempt", () => {
  it("watch no time for a step that answers at once", () => {
    const { clock, limits } = open();
    expect(limits.signal.aborted).toBe(false);
    limits.end();
    expect(clock.sleepers).toBe(0);
  });

  it("end the waiting and abort the signal when the time is over", async () => {
    const { clock, limits } = open();
    const { signal } = limits;
    const reached = Promise.allSettled([limits.reached()]);
    await clock.advance(1_000);
    expect(await reached).toMatchObject([{ status: "rejected", reason: { code: "step.timed_out" } }]);
    expect(signal.reason).toMatchObject({ code: "step.timed_out" });
  });

  it("give a signal that is asked for late as it would have become", async () => {
    const late = open();
    const reached = Promise.allSettled([late.limits.reached()]);
    await late.clock.advance(1_000);
    expect(await reached).toMatchObject([{ status: "rejected", reason: { code: "step.timed_out" } }]);
    late.limits.end();
    expect(late.limits.signal.reason).toMatchObject({ code: "step.timed_out" });

    const turnedBack = open();
    turnedBack.limits.reached().catch(() => undefined);
    turnedBack.unwanted.abort();
    expect(turnedBack.limits.signal.aborted).toBe(true);
    turnedBack.limits.end();
  });

  it("end the waiting at once when the process was told to stop before, also after the signal was asked for", async () => {
    const { stopping, limits, clock } = open();
    expect(limits.signal.aborted).toBe(false);
    stopping.abort();
    expect(limits.signal.reason).toMatchObject({ code: "step.stopped" });
    await expect(limits.reached()).rejects.toMatchObject({ code: "step.stopped" });
    limits.end();
    expect(clock.sleepers).toBe(0);
  });

  it("stop watching at the end", async () => {
    const { clock, stopping, unwanted, limits } = open();
    const { signal } = limits;
    limits.reached().catch(() => undefined);
    limits.end();
    expect(clock.sleepers).toBe(0);
    stopping.abort();
    unwanted.abort();
    await clock.advance(5_000);
    expect(signal.aborted).toBe(false);
  });
});
