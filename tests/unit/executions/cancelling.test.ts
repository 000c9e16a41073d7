import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import type { ExecutionId } from "../../../shared/ids.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { createGate, type Gate } from "../../kit/gate.ts";
import { plainIntent } from "../../kit/plain-intent.ts";
import { openLab, outline, type Lab } from "../../kit/lab.ts";

const cancel = (on: Lab, executionId: ExecutionId, compensate = true) =>
  on.first.services.control.cancel(on.tenantId, executionId, compensate);

function gated(gate: Gate) {
  const undone: string[] = [];
  const third = vi.fn<() => object>(() => ({}));
  const undo = (name: string) => ({ undo: () => void undone.push(name) });
  const definition = plainIntent("test.gated")
    .step("one", { run: () => ({}), ...undo("one") })
    .step("two", {
      run: async () => {
        await gate.pass();
        return {};
      },
      ...undo("two"),
    })
    .step("three", { run: third as () => Record<string, never>, ...undo("three") })
    .returns(() => ({}));
  return { definition, undone, third };
}

describe("cancelling", () => {
  it("is seen at the next commit; what began is undone, what did not begin never runs", async () => {
    const gate = createGate();
    const { definition, undone, third } = gated(gate);
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.gated");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    expect(await cancel(on, id)).toMatchObject({ status: "running" });
    gate.open();
    const ended = await on.reach(id, "cancelled");
    // The commit that saw the cancellation had recorded the start of the third, so it is undone too, though it never ran.
    expect(undone).toEqual(["three", "two", "one"]);
    expect(third).not.toHaveBeenCalled();
    expect(outline(ended)).toEqual(["one: compensated", "two: compensated", "three: compensated"]);
    expect((await on.log(id)).at(-1)?.payload).toMatchObject({ compensated: true });
  });

  it("without compensation it stops where it is, and leaves what was done", async () => {
    const gate = createGate();
    const { definition, undone } = gated(gate);
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.gated");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await cancel(on, id, false);
    gate.open();
    const ended = await on.reach(id, "cancelled");
    expect(undone).toEqual([]);
    expect(outline(ended).slice(0, 2)).toEqual(["one: completed", "two: completed"]);
    expect((await on.log(id)).at(-1)?.payload).toMatchObject({ compensated: false });
  });

  it("past the pivot it is refused on the record, and the saga goes on", async () => {
    const gate = createGate();
    const definition = plainIntent("test.charged")
      .step("reserve", { run: () => ({}), undo: () => undefined })
      .pivot("charge", { run: () => ({}) })
      .step("ship", {
        run: async () => {
          await gate.pass();
          return {};
        },
      })
      .step("tell", { run: () => ({}) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.charged");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await cancel(on, id);
    gate.open();
    await on.reach(id, "completed");
    const received = (await on.log(id)).find(({ event_type }) => event_type === "signal_received");
    expect(received?.payload).toMatchObject({ kind: "cancel", effect: "refused" });
  });

  it.each([true, false])("wakes one that waits (compensate: %s)", async (compensate) => {
    const undo = vi.fn<() => void>();
    const definition = plainIntent("test.waits")
      .step("reserve", { run: () => ({}), undo })
      .await("approval", { schema: z.string() })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.waits", "suspended");
    await cancel(on, execution_id, compensate);
    await on.reach(execution_id, "cancelled");
    expect(undo).toHaveBeenCalledTimes(compensate ? 1 : 0);
  });

  it("wakes one that waits for a retry, and does not try again", async () => {
    const attempts: number[] = [];
    const definition = plainIntent("test.flaky")
      .step("flaky", {
        retry: { initialDelay: "10m" },
        run: ({ attempt }) => {
          attempts.push(attempt);
          throw new Error("flaky");
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.flaky", "suspended");
    await cancel(on, execution_id);
    await on.reach(execution_id, "cancelled");
    expect(attempts).toEqual([1]);
  });

  it("gives up a dead one: nothing more is undone", async () => {
    const definition = plainIntent("test.dead")
      .step("stuck", { run: () => ({}), undo: () => Promise.reject(new TerminalError("undo.refused", "No.")) })
      .step("fails", { run: () => Promise.reject(new TerminalError("test.refused", "No.")) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.dead", "dead");
    await cancel(on, execution_id);
    const ended = await on.reach(execution_id, "cancelled");
    expect(outline(ended)).toEqual(["stuck: completed", "fails: failed"]);
    await expect(cancel(on, execution_id)).rejects.toMatchObject({ code: "execution.over", status: 409 });
  });

  it("twice is once", async () => {
    const gate = createGate();
    const { definition, undone } = gated(gate);
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.gated");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await Promise.all([cancel(on, id), cancel(on, id), cancel(on, id)]);
    gate.open();
    await on.reach(id, "cancelled");
    expect(undone).toEqual(["three", "two", "one"]);
  });

  it.each([
    [[true, false], false],
    [[false, true], true],
    [[true, false, true], false],
  ])(
    "L2: asked in several ways, %j, before it is seen, the last new one counts, and each is on record",
    async (ways, compensated) => {
      const gate = createGate();
      const { definition, undone } = gated(gate);
      await using on = await openLab({ intents: [definition] });
      const id = await on.submit("test.gated");
      await vi.waitFor(() => expect(gate.arrived).toBe(1));
      for (const compensate of ways) await cancel(on, id, compensate);
      gate.open();
      await on.reach(id, "cancelled");
      expect(undone).toEqual(compensated ? ["three", "two", "one"] : []);
      const log = await on.log(id);
      expect(log.at(-1)?.payload).toMatchObject({ compensated });
      const received = log.filter(({ event_type }) => event_type === "signal_received");
      expect(received.map(({ payload }) => payload["effect"])).toEqual([
        "refused",
        compensated ? "compensate" : "stop",
      ]);
    },
  );

  it("L2: one that turns back already is not stopped where it is; that it was asked to is on record", async () => {
    const gate = createGate();
    const definition = plainIntent("test.turning")
      .step("first", { run: () => ({}), undo: () => undefined })
      .step("second", { run: () => ({}), undo: () => gate.pass() })
      .await("approval", { schema: z.string() })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const { execution_id } = await on.play("test.turning", "suspended");
    await cancel(on, execution_id);
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await cancel(on, execution_id, false);
    gate.open();
    const ended = await on.reach(execution_id, "cancelled");
    expect(outline(ended).slice(0, 2)).toEqual(["first: compensated", "second: compensated"]);
    const received = (await on.log(execution_id)).filter(({ event_type }) => event_type === "signal_received");
    expect(received.map(({ payload }) => payload["effect"])).toEqual(["compensate", "refused"]);
  });

  it("one that already turns back is not changed by it: it ends as what it was going to be", async () => {
    const gate = createGate();
    const definition = plainIntent("test.failing")
      .step("reserve", { run: () => ({}), undo: () => gate.pass() })
      .step("fails", { run: () => Promise.reject(new TerminalError("test.refused", "No.")) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.failing");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await cancel(on, id, false);
    gate.open();
    expect(await on.reach(id, "compensated")).toMatchObject({ error: { code: "test.refused" } });
  });

  it("aborts what works side by side; how that ends does not change that it was cancelled", async () => {
    const gate = createGate();
    const aborted = vi.fn<() => void>();
    const definition = plainIntent("test.beside")
      .parallel("both", {
        branches: {
          quick: {
            run: async () => {
              await gate.pass();
              return {};
            },
          },
          slow: {
            retry: { maxAttempts: 1 },
            run: ({ signal }) =>
              new Promise<Record<string, never>>((_, reject) => {
                signal.addEventListener("abort", () => {
                  aborted();
                  reject(new TerminalError("test.aborted", "It was told to stop."));
                });
              }),
          },
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.beside");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    await cancel(on, id);
    gate.open();
    const ended = await on.reach(id, "cancelled");
    expect(aborted).toHaveBeenCalledTimes(1);
    expect(ended.error).toBeUndefined();
  });
});
