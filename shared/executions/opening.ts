import type { Intent } from "../intents/intent.ts";
import { digestOf } from "../json.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { ChainOwner } from "../state/log-entry.ts";
import type { Step } from "./execution.ts";
import type { ExecutionDraft } from "./execution-events.ts";

/** The drafts that begin an execution of a plan; they are part of the commit that accepts it. */
export function openingDrafts(
  definition: IntentDefinition,
  intent: Intent,
  owner: Required<ChainOwner>,
  step: FirstStep,
): ExecutionDraft[] {
  return [
    {
      event_type: "intent_received",
      payload: {
        intent_id: intent.intent_id,
        intent_type: intent.intent_type,
        version: intent.version,
        session_id: intent.session_id,
        solution_id: intent.solution_id ?? null,
        user_id: intent.user_id ?? null,
        parameters: intent.parameters,
      },
    },
    { event_type: "execution_started", payload: { execution_id: owner.executionId, intent_id: intent.intent_id } },
    {
      event_type: "saga_started",
      payload: {
        saga_id: owner.sagaId,
        execution_id: owner.executionId,
        session_id: intent.session_id,
        saga_name: definition.type,
      },
    },
    stepStarted(step, digestOf(intent.parameters), 1),
  ];
}

type FirstStep = Pick<Step, "step_id" | "step_name">;

/** The draft that records a step as started, under the epoch that will run it. */
export function stepStarted(step: FirstStep, inputsDigest: string, epoch: number): ExecutionDraft {
  return {
    event_type: "step_started",
    step_name: step.step_name,
    payload: { step_id: step.step_id, step_type: "step", attempt: 1, epoch, inputs_digest: inputsDigest },
  };
}
