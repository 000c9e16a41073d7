import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import type { RecordKind } from "../../../shared/state/record-kind.ts";
import { createGate } from "../../kit/gate.ts";
import { openLab, outline } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

const noteKind: RecordKind<{ n: number }> = { name: "note", schema: z.object({ n: z.number() }), facets: () => [] };

describe("a plan that commits at its ends", () => {
  it.each([1, 2, 7])("E1: takes 2 commits, whatever its length (%d steps)", async (length) => {
    let builder = plainIntent("test.ends", { checkpoint: "ends" });
    for (let n = 1; n <= length; n += 1) builder = builder.step(`s${n}`, { run: () => ({ n }) });
    await using on = await openLab({ intents: [builder.returns(() => ({}))] });
    const ended = await on.play("test.ends", "completed");
    expect(on.counting.acceptances.length + on.counting.commits.length).toBe(2);
    expect(ended.steps.map(({ outputs }) => outputs)).toEqual(Array.from({ length }, (_, n) => ({ n: n + 1 })));
  });

  it("each step sees what the ones before it returned and changed, though nothing of it is committed yet", async () => {
    const definition = plainIntent("test.ends", { checkpoint: "ends" })
      .step("write", {
        run: ({ state }) => {
          state.put(noteKind, "a", { n: 1 });
          return { n: 1 };
        },
      })
      .step("change", {
        run: async ({ state, outputs }) => {
          const before = await state.get(noteKind, "a");
          state.put(noteKind, "a", { n: (before?.n ?? 0) + outputs.write.n });
          return { before: before?.n ?? 0 };
        },
      })
      .returns(({ outputs }) => outputs.change);
    await using on = await openLab({ intents: [definition] });
    expect(await on.play("test.ends", "completed")).toMatchObject({ output: { before: 1 } });
    expect((await on.store.readRecord(on.tenantId, "note", "a"))?.body).toEqual({ n: 2 });
  });

  it("a failure in the middle: what began is on record, all of it, and is undone", async () => {
    const undone: string[] = [];
    const undo = (name: string) => ({ undo: () => void undone.push(name) });
    const definition = plainIntent("test.ends", { checkpoint: "ends" })
      .step("one", { run: () => ({}), ...undo("one") })
      .step("two", { run: () => Promise.reject(new TerminalError("test.refused", "No.")), ...undo("two") })
      .step("three", { run: () => ({}), ...undo("three") })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.ends", "compensated");
    // The third was put on record as started with the others, so its key is buried like theirs.
    expect(undone).toEqual(["three", "two", "one"]);
    expect(ended.error).toMatchObject({ code: "test.refused", step_name: "two" });
  });

  it("after a crash all of its steps run again", async () => {
    const gate = createGate();
    const runs: string[] = [];
    const definition = plainIntent("test.ends", { checkpoint: "ends" })
      .step("one", {
        run: ({ attempt }) => {
          runs.push(`one ${attempt}`);
          return {};
        },
      })
      .step("two", {
        run: async ({ attempt }) => {
          runs.push(`two ${attempt}`);
          if (attempt === 1) await gate.pass();
          return {};
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const id = await on.submit("test.ends");
    await vi.waitFor(() => expect(gate.arrived).toBe(1));
    expect(outline(await on.state(id))).toEqual(["one: started", "two: started"]);
    await on.first.services.lifecycle.stop(0);
    const other = await on.hire();
    await other.services.recovery.sweep();
    await on.reach(id, "completed");
    expect(runs).toEqual(["one 1", "two 1", "one 2", "two 2"]);
    gate.open();
  });

  it("a retry commits what was done before it waits, and those steps do not run again", async () => {
    const runs: string[] = [];
    const definition = plainIntent("test.ends", { checkpoint: "ends" })
      .step("one", {
        run: () => {
          runs.push("one");
          return {};
        },
      })
      .step("two", {
        run: ({ attempt }) => {
          runs.push(`two ${attempt}`);
          if (attempt === 1) throw new Error("flaky");
          return {};
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition], fraction: () => 1 });
    const { execution_id } = await on.play("test.ends", "suspended");
    await on.clock.advance(200);
    await on.reach(execution_id, "completed");
    expect(runs).toEqual(["one", "two 1", "two 2"]);
  });

  it("a condition in it is asked when the saga comes to it", async () => {
    const definition = plainIntent("test.ends", { checkpoint: "ends" })
      .step("one", { run: () => ({ n: 1 }) })
      .step("two", { when: ({ outputs }) => outputs.one.n === 2, run: () => ({}) })
      .returns(({ outputs }) => ({ two: outputs.two }));
    await using on = await openLab({ intents: [definition] });
    expect(await on.play("test.ends", "completed")).toMatchObject({ output: { two: null } });
  });
});
