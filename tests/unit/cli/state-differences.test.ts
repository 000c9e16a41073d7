import { describe, expect, it } from "vitest";

import { stateDifferences } from "../../../infra/cli/state-differences.ts";
import { type Execution, executionHeadSchema, stepSchema } from "../../../shared/executions/execution.ts";
import { executionAnswer } from "../../../shared/http/routes/execution-view.ts";
import { type JsonValue, sha256, toJson } from "../../../shared/json.ts";

const AT = "2026-01-01T00:00:00.000Z";
const ids = { execution_id: "execution_1", intent_id: "intent_1", saga_id: "saga_1", session_id: "session_1" };

function folded(outputs: JsonValue): Execution {
  const head = executionHeadSchema.parse({
    ...ids,
    intent_type: "test.one",
    intent_version: 1,
    tenant_id: "acme",
    status: "running",
    artifacts: [{ artifact_id: "file_1", artifact_type: "file", lifecycle_state: "READY" }],
    created_at: AT,
    updated_at: AT,
    trace_id: "trace_1",
    chain: { sequence: 5, hash: "0".repeat(64), timestamp_ms: 0 },
  });
  const step = stepSchema.parse({
    step_id: "step_1",
    step_name: "only",
    step_type: "step",
    status: "completed",
    attempt: 1,
    epoch: 1,
    inputs_digest: "x",
    outputs,
    events: [{ event_id: "event_1", event_type: "told", data: {} }],
    started_at: AT,
  });
  return { ...head, steps: [step] };
}

/** What the status endpoint tells of an execution whose step returned this. */
function stored(outputs: JsonValue) {
  return executionAnswer.parse({ ...(toJson(folded(outputs)) as object), artifacts: undefined });
}

describe("the differences between a fold and the stored state", () => {
  it("are none for the same state, though the status leaves out epochs, events and artifacts", () => {
    expect(stateDifferences(folded({ a: [1, { b: 2 }] }), stored({ a: [1, { b: 2 }] }))).toEqual([]);
  });

  it("are named by their paths: changed, added and missing alike", () => {
    expect(stateDifferences(folded({ a: [1, 2], b: 1 }), stored({ a: [1, 3], c: 1 }))).toEqual([
      "steps.0.outputs.a.1",
      "steps.0.outputs.b",
      "steps.0.outputs.c",
    ]);
    expect(stateDifferences(undefined, stored({}))).toEqual(["everything: the log has no entry"]);
  });

  it("are none for a large payload that the log has by its digest, and one when the digest is another's", () => {
    const large = { rows: ["much"] };
    const parked = (text: string) => ({ $claim_check: { path: "p", sha256: sha256(text), size_bytes: text.length } });
    expect(stateDifferences(folded(parked(JSON.stringify(large))), stored(large))).toEqual([]);
    expect(stateDifferences(folded(parked("another")), stored(large))).toContain("steps.0.outputs.rows");
  });
});
