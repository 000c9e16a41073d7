import { RuntimeError } from "../errors.ts";
import { worksOf } from "../sagas/check-plan.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";

/** What of a request's time is kept for the last commit and the answer. */
export const ANSWER_MARGIN_MS = 5_000;
/** Pub/Sub waits for the answer to a push for ten minutes at the most. */
const LONGEST_PUSH_MS = 600_000;

/** How long one request of a function may work on executions. */
export function workMs(functionTimeoutMs: number): number {
  return Math.min(functionTimeoutMs, LONGEST_PUSH_MS) - ANSWER_MARGIN_MS;
}

/** Throws `config.function_too_short` when a step could never begin: it would be handed on for ever. */
export function checkFunctionLength(intents: readonly IntentDefinition[], functionTimeoutMs: number): void {
  const lengthMs = workMs(functionTimeoutMs);
  for (const { type, plan } of intents) {
    for (const [name, { timeoutMs }] of plan.nodes.flatMap(worksOf)) {
      if (timeoutMs <= lengthMs) continue;
      throw new RuntimeError(
        "config.function_too_short",
        `${type}: ${name} may take ${timeoutMs} ms, but a request of this function has ${lengthMs} ms; raise its timeout, or shorten the step.`,
      );
    }
  }
}
