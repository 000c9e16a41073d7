import { describe, expect, it } from "vitest";

import { trustedTenantId } from "../../../shared/ids.ts";
import { advance, patchOf } from "../../../shared/executions/advance.ts";
import { createExecutionFeed } from "../../../shared/executions/execution-feed.ts";
import type { ExecutionDraft } from "../../../shared/executions/execution-events.ts";
import { verifyChain } from "../../../shared/state/chain-verification.ts";
import { createSealer } from "../../../shared/state/log-entry.ts";
import { testIds } from "../../kit/runtime.ts";
import { createManualClock } from "../manual-clock.ts";

const OWNER = {
  tenantId: trustedTenantId("acme"),
  sessionId: testIds.session(),
  executionId: testIds.execution(),
  sagaId: testIds.saga(),
  traceId: testIds.trace(),
};
const [INTENT_ID, STEP_ONE, STEP_TWO] = [testIds.intent(), testIds.step(), testIds.step()];

const received: ExecutionDraft = {
  event_type: "intent_received",
  payload: {
    intent_id: INTENT_ID,
    intent_type: "test.intent",
    version: 1,
    session_id: OWNER.sessionId,
    solution_id: null,
    user_id: null,
    parameters: {},
  },
};
const started = (step_id: typeof STEP_ONE, step_name: string): ExecutionDraft => ({
  event_type: "step_started",
  step_name,
  payload: { step_id, step_type: "step", attempt: 1, epoch: 1, inputs_digest: "d" },
});
const completed = (step_id: typeof STEP_ONE): ExecutionDraft => ({
  event_type: "step_completed",
  payload: { step_id, attempt: 1, outputs: { n: 1 }, events: [] },
});
const ended: ExecutionDraft = {
  event_type: "execution_completed",
  payload: { execution_id: OWNER.executionId, intent_id: INTENT_ID, artifacts_count: 0, events_count: 0, output: {} },
};

describe("advance", () => {
  const deps = () => ({ seal: createSealer(OWNER, testIds), clock: createManualClock() });

  it("chains the entries after those of before", () => {
    const first = advance(deps(), undefined, [received, started(STEP_ONE, "one")]);
    const second = advance(deps(), first.state, [completed(STEP_ONE), ended]);
    const texts = [...first.rows, ...second.rows].map(({ text }) => text);
    expect(texts).toHaveLength(4);
    expect(verifyChain(texts)).toBeUndefined();
    expect(second.state.chain.sequence).toBe(4);
  });

  it("writes the head without the steps, and only the steps that changed", () => {
    const first = advance(deps(), undefined, [received, started(STEP_ONE, "one")]);
    expect(patchOf(undefined, first.state).steps.map(({ position }) => position)).toEqual([0]);
    const drafts = [completed(STEP_ONE), started(STEP_TWO, "two")];
    const second = advance(deps(), first.state, drafts);
    expect(patchOf(first.state, second.state).steps.map(({ position, body }) => [position, body["status"]])).toEqual([
      [0, "completed"],
      [1, "started"],
    ]);
    const third = advance(deps(), second.state, [completed(STEP_TWO)]);
    expect(patchOf(second.state, third.state).steps.map(({ position }) => position)).toEqual([1]);
    expect(patchOf(second.state, third.state).head).not.toHaveProperty("steps");
  });

  it("tells the end of an execution by its status", () => {
    const open = advance(deps(), undefined, [received, started(STEP_ONE, "one")]);
    expect(patchOf(undefined, open.state)).toMatchObject({ status: "pending", terminal: false });
    const closed = advance(deps(), open.state, [completed(STEP_ONE), ended]);
    expect(patchOf(open.state, closed.state)).toMatchObject({
      status: "completed",
      terminal: true,
      head: { status: "completed" },
    });
  });

  it("needs something to begin with", () => {
    expect(() => advance(deps(), undefined, [])).toThrow(RangeError);
  });
});

describe("the execution feed", () => {
  it("tells the watchers of that execution, until they stop watching", () => {
    const feed = createExecutionFeed();
    const seen: string[] = [];
    const other = testIds.execution();
    const stop = feed.watch(OWNER.executionId, () => seen.push("first"));
    feed.watch(OWNER.executionId, () => seen.push("second"));
    feed.watch(other, () => seen.push("other"));
    feed.announce(OWNER.executionId);
    stop();
    feed.announce(OWNER.executionId);
    feed.announce(testIds.execution());
    expect(seen).toEqual(["first", "second", "second"]);
  });
});
