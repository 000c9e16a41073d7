import type { AttemptResult } from "./step-runner.ts";

/** What is recorded of a step that runs at most once, when its worker died over it. */
export function outcomeUnknown(step: string): AttemptResult {
  const message = `The worker of ${step} died, so it is not known whether it took effect; it runs at most once.`;
  return {
    kind: "failed",
    failure: { code: "step.outcome_unknown", message, status: 500, retryable: false, step_name: step },
    retryAfterMs: undefined,
  };
}

/** What is recorded of a step that every worker died over. */
export function killsWorkers(step: string, times: number): AttemptResult {
  const message = `The step ${step} was begun ${times} times, and each time its worker died.`;
  return {
    kind: "failed",
    failure: { code: "step.kills_workers", message, status: 500, retryable: false, step_name: step },
    retryAfterMs: undefined,
  };
}
