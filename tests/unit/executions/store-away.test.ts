import { describe, expect, it, vi } from "vitest";

import { RuntimeError } from "../../../shared/errors.ts";
import type { ExecutionStatus } from "../../../shared/executions/execution.ts";
import type { ExecutionId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { type Lab, openLab, stepOf } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

/** More than any step or undo has attempts, and more than a step may be begun anew after deaths. */
const LOOKS = 15;
/** More than a commit may hold. */
const LARGE = "x".repeat(200_000);

const away = () => new RuntimeError("object_store.unavailable", "Away.", { status: 503, retryable: true });

/** A step that fails so often because a store is away, and does nothing then. */
function awayFor(times: number) {
  let calls = 0;
  return vi.fn<() => JsonObject>(() => {
    calls += 1;
    if (calls <= times) throw away();
    return {};
  });
}

/** Half an hour, as often as it takes until the execution has the status. */
async function reachInTime(on: Lab, id: ExecutionId, status: ExecutionStatus) {
  return vi.waitFor(
    async () => {
      await on.clock.advance(30 * 60_000);
      await on.first.services.recovery.sweep();
      const state = await on.state(id);
      expect(state.status).toBe(status);
      return state;
    },
    { interval: 1, timeout: 4_000 },
  );
}

describe("a store that cannot be reached", () => {
  it("uses up none of a step's attempts, however long it is away", async () => {
    const run = awayFor(LOOKS);
    const definition = plainIntent("test.away", { timeout: "30d" })
      .step("read", { retry: { maxAttempts: 1 }, run })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await reachInTime(on, await on.submit("test.away"), "completed");
    expect(run).toHaveBeenCalledTimes(LOOKS + 1);
    expect(stepOf(ended, "read")).toMatchObject({ status: "completed", attempt: 1, store_waits: LOOKS });
  });

  it("is asked less and less often, and not for longer than the execution has time", async () => {
    const run = awayFor(Number.POSITIVE_INFINITY);
    const definition = plainIntent("test.away", { timeout: "10m" })
      .step("read", { run })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await reachInTime(on, await on.submit("test.away"), "failed");
    expect(ended.error).toMatchObject({ code: "execution.timed_out" });
    expect(run.mock.calls.length).toBeGreaterThan(10);
    expect(run.mock.calls.length).toBeLessThan(60);
  });

  it("fails a step that runs at most once: it must not run again", async () => {
    const run = awayFor(1);
    const definition = plainIntent("test.away")
      .step("transfer", { semantics: "at-most-once", run })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.away", "failed");
    expect(ended.error).toMatchObject({ code: "object_store.unavailable", step_name: "transfer" });
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("kills no saga whose undo needs it", async () => {
    const undo = awayFor(LOOKS);
    const definition = plainIntent("test.away")
      .step("write", { run: () => ({}), undo })
      .step("refuse", {
        run: () => {
          throw new TerminalError("test.refused", "No.");
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await reachInTime(on, await on.submit("test.away"), "compensated");
    expect(undo).toHaveBeenCalledTimes(LOOKS + 1);
    expect(stepOf(ended, "write")).toMatchObject({ status: "compensated", undo_attempts: 0 });
  });

  it.each(["result", "event"])(
    "has a step run again whose large %s cannot be stored, and counts no attempt",
    async (what) => {
      const run = vi.fn((ctx: { emit(type: string, data: JsonObject): void }): JsonObject => {
        if (what === "result") return { text: LARGE };
        ctx.emit("told", { text: LARGE });
        return {};
      });
      const definition = plainIntent("test.away", { timeout: "30d" })
        .step("make", { run })
        .returns(() => ({}));
      await using on = await openLab({ intents: [definition] });
      const write = vi.spyOn(on.first.services.adapters.objects, "write");
      for (let n = 0; n < LOOKS; n += 1) write.mockRejectedValueOnce(away());
      const ended = await reachInTime(on, await on.submit("test.away"), "completed");
      expect(run).toHaveBeenCalledTimes(LOOKS + 1);
      expect(stepOf(ended, "make")).toMatchObject({ attempt: 1, store_waits: LOOKS });
    },
  );

  it("counts no attempt as lost while what an execution refers to cannot be read", async () => {
    const run = vi.fn<() => JsonObject>(() => ({}));
    const definition = plainIntent("test.away", { timeout: "30d" })
      .step("use", { run })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const read = vi.spyOn(on.first.services.adapters.objects, "read");
    for (let n = 0; n < LOOKS; n += 1) read.mockRejectedValueOnce(away());
    const ended = await reachInTime(on, await on.submit("test.away", { text: LARGE }), "completed");
    expect(read).toHaveBeenCalledTimes(LOOKS + 1);
    expect(run).toHaveBeenCalledTimes(1);
    expect(stepOf(ended, "use")).toMatchObject({ attempt: 1 });
    const waits = (await on.log(ended.execution_id)).filter(({ event_type }) => event_type === "execution_suspended");
    expect(waits).toHaveLength(1);
  });
});
