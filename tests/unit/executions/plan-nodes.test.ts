import { describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { CLAIM_CHECK_BYTES } from "../../../shared/state/claim-check.ts";
import { TerminalError } from "../../../shared/sagas/retry-policy.ts";
import { openLab, outline, stepOf } from "../../kit/lab.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

const skipped = vi.fn<() => Record<string, never>>(() => ({}));
const never = { when: () => false } as const;

describe("emit", () => {
  it("puts one event into the outbox, in the commit of the step before it", async () => {
    const definition = plainIntent("test.tells")
      .step("make", { run: () => ({ n: 1 }) })
      .emit("tell", { event: ({ outputs }) => ({ type: "thing_made", data: outputs.make }) })
      .step("after", { run: () => ({}) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    const ended = await on.play("test.tells", "completed");
    const [commit] = on.counting.commits;
    expect(commit?.change.outbox.map(({ data }) => JSON.parse(data) as unknown)).toMatchObject([{ data: { n: 1 } }]);
    expect(commit?.change.log.map(({ eventType }) => eventType)).toEqual([
      "step_completed",
      "step_started",
      "step_completed",
      "step_started",
    ]);
    expect(stepOf(ended, "tell").events).toMatchObject([{ event_type: "thing_made", data: { n: 1 } }]);
  });

  it("an event that cannot be made fails the saga, and tells nothing", async () => {
    const definition = plainIntent("test.tells")
      .emit("tell", {
        event: () => {
          throw new TerminalError("test.no_event", "No.");
        },
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    expect((await on.play("test.tells", "failed")).error).toMatchObject({ code: "test.no_event", step_name: "tell" });
  });
});

describe("when", () => {
  it("a node whose condition does not hold is skipped with the output null, whatever its kind", async () => {
    const child = plainIntent("test.child")
      .step("only", { run: skipped })
      .returns(() => ({}));
    const definition = plainIntent("test.skips")
      .step("step", { ...never, run: skipped })
      .await("await", { ...never, schema: z.string() })
      .sleep("sleep", { ...never, delay: "1d" })
      .parallel("parallel", { ...never, branches: { a: { run: skipped } } })
      .map("map", { ...never, over: () => [1], run: skipped })
      .call("call", { ...never, intent: child, input: () => ({}) })
      .emit("emit", { ...never, event: () => ({ type: "never", data: {} }) })
      .returns(({ outputs }) => outputs);
    await using on = await openLab({ intents: [child, definition] });
    const ended = await on.play("test.skips", "completed");
    expect(ended.output).toMatchObject({ step: null, await: null, parallel: null, map: null, call: null });
    expect(new Set(ended.steps.map(({ status }) => status))).toEqual(new Set(["skipped"]));
    expect(skipped).not.toHaveBeenCalled();
    expect((await on.store.unpublished(9)).map(({ attributes }) => attributes["type"])).not.toContain("never");
  });

  it("sees the outputs before it, and is asked when the saga comes to it", async () => {
    const definition = plainIntent("test.when")
      .step("make", { run: () => ({ n: 1 }) })
      .step("if_one", { when: ({ outputs }) => outputs.make.n === 1, run: () => ({ ran: true }) })
      .step("if_two", { when: ({ outputs }) => outputs.if_one === null, run: () => ({ ran: true }) })
      .returns(({ outputs }) => ({ one: outputs.if_one, two: outputs.if_two }));
    await using on = await openLab({ intents: [definition] });
    expect(await on.play("test.when", "completed")).toMatchObject({ output: { one: { ran: true }, two: null } });
  });

  it("a skipped step is not undone", async () => {
    const undo = vi.fn<() => void>();
    const definition = plainIntent("test.when")
      .step("skipped", { when: () => false, run: () => ({}), undo })
      .step("fails", { run: () => Promise.reject(new TerminalError("test.refused", "No.")) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    expect(outline(await on.play("test.when", "failed"))).toEqual(["skipped: skipped", "fails: failed"]);
    expect(undo).not.toHaveBeenCalled();
  });

  it("a condition that throws fails the node", async () => {
    const definition = plainIntent("test.when")
      .step("asks", {
        when: () => {
          throw new TerminalError("test.cannot_say", "No.");
        },
        run: () => ({}),
      })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    expect((await on.play("test.when", "failed")).error).toMatchObject({ code: "test.cannot_say", step_name: "asks" });
  });
});

describe("large values", () => {
  const large = "x".repeat(CLAIM_CHECK_BYTES + 1);

  it("a large output and a large list travel by reference, and are whole for whoever reads them, also after a restart", async () => {
    const definition = plainIntent("test.large")
      .step("make", { run: () => ({ large }) })
      .map("each", { over: () => [large, "small"], concurrency: 1, run: (_, item) => ({ length: item.length, item }) })
      .await("go", { schema: z.string() })
      .step("measure", {
        run: ({ outputs }) => ({ made: outputs.make.large.length, each: outputs.each.map(({ length }) => length) }),
      })
      .returns(({ outputs }) => ({ ...outputs.measure, first: outputs.each[0]?.item.length ?? 0 }));
    await using on = await openLab({ intents: [definition] });
    const { execution_id, steps } = await on.play("test.large", "suspended");
    expect(JSON.stringify(steps).length).toBeLessThan(CLAIM_CHECK_BYTES / 2);
    expect(steps[0]?.outputs).toHaveProperty("$claim_check");
    expect(stepOf(await on.state(execution_id), "each").items).toHaveProperty("$claim_check");
    expect(stepOf(await on.state(execution_id), "each/0").outputs).toHaveProperty("$claim_check");
    await on.first.services.lifecycle.stop(0);
    const other = await on.hire();
    await other.services.control.signal(on.tenantId, execution_id, { name: "go", payload: "on" });
    expect(await on.reach(execution_id, "completed")).toMatchObject({
      output: { made: large.length, each: [large.length, 5], first: large.length },
    });
  });

  it("an undo gets the large output whole", async () => {
    const seen: unknown[] = [];
    const definition = plainIntent("test.large")
      .step("make", { run: () => ({ large }), undo: ({ output }) => void seen.push(output?.large.length) })
      .step("fails", { run: () => Promise.reject(new TerminalError("test.refused", "No.")) })
      .returns(() => ({}));
    await using on = await openLab({ intents: [definition] });
    await on.play("test.large", "compensated");
    expect(seen).toEqual([large.length]);
  });
});
