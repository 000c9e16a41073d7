import { RuntimeError } from "../errors.ts";
import type { Ids } from "../ids.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { Execution, Step } from "./execution.ts";
import type { ExecutionDraft } from "./execution-events.ts";

/**
 * The entries that give a new execution the results of an old one's nodes before `fromStep`.
 * Throws `fork.bad_step` (422) when the plan has no such node, or one before it was not completed.
 */
export function copiedSteps(
  definition: IntentDefinition | undefined,
  old: Execution,
  fromStep: string,
  epoch: number,
  ids: Ids,
): ExecutionDraft[] {
  const nodes = definition?.plan.nodes ?? [];
  const from = nodes.findIndex((node) => node.name === fromStep);
  if (from === -1) throw badStep(fromStep, `the plan has ${nodes.map((node) => node.name).join(", ")}`);
  const wanted = new Set(nodes.slice(0, from).map((node) => node.name));
  for (const name of wanted) {
    const step = old.steps.find((each) => each.step_name === name);
    if (step === undefined || !hasResult(step)) throw badStep(fromStep, `${name} before it was not completed`);
  }
  const copied = old.steps.filter((step) => wanted.has(step.step_name.split("/")[0] ?? ""));
  return copied.flatMap((step): ExecutionDraft[] => {
    const stepId = ids.step();
    const { step_name, step_type, attempt, inputs_digest, items, outputs = null, error } = step;
    const started: ExecutionDraft = {
      event_type: "step_started",
      step_name,
      payload: { step_id: stepId, step_type, attempt, epoch, inputs_digest, ...(items === undefined ? {} : { items }) },
    };
    if (step.status === "failed" && error !== undefined) {
      const failed = { step_id: stepId, attempt, error, next: "continue" as const };
      return [started, { event_type: "step_failed", step_name, payload: failed }];
    }
    // Its events were published by the execution that it is copied from.
    const done = {
      step_id: stepId,
      attempt,
      outputs,
      events: [],
      ...(step.status === "skipped" ? { skipped: true } : {}),
    };
    return [started, { event_type: "step_completed", step_name, payload: done }];
  });
}

/** The node from which an execution is repeated: what the nodes before it did must stand. */
export function repeatFrom(
  definition: IntentDefinition | undefined,
  { status, steps, error, artifacts }: Execution,
): string {
  const [first] = steps;
  if (definition?.journey !== undefined) {
    // Only what was not completed has been undone.
    const done = new Set(steps.filter((step) => hasResult(step)).map(({ step_name }) => step_name));
    const open = definition.plan.nodes.find(({ name }) => !done.has(name));
    if (open !== undefined) return open.name;
  }
  // Nothing of a failed one was undone, so what its done steps returned still stands, unless it is an artifact that failed with it;
  // any other one begins anew.
  const stands = status === "failed" && !artifacts.some(({ lifecycle_state }) => lifecycle_state === "FAILED");
  const from = stands ? error?.step_name : undefined;
  return (from ?? first?.step_name ?? "").split("/")[0] ?? "";
}

function hasResult({ status }: Step): boolean {
  return status === "completed" || status === "skipped";
}

function badStep(fromStep: string, why: string): RuntimeError {
  return new RuntimeError("fork.bad_step", `An execution cannot be forked from ${JSON.stringify(fromStep)}: ${why}.`, {
    status: 422,
    faults: [{ path: "from_step", message: why }],
  });
}
