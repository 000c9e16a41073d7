import type { Intent } from "../intents/intent.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { Execution } from "./execution.ts";
import type { ExecutionDraft } from "./execution-events.ts";
import type { ExecutionOwner } from "./journal.ts";

/** The entries that begin every execution; they are part of the commit that accepts it. */
export function openingDrafts(
  definition: IntentDefinition,
  intent: Intent,
  owner: ExecutionOwner,
  links: Pick<Execution, "parent" | "forked_from">,
): ExecutionDraft[] {
  const { intent_id, intent_type, version, session_id, solution_id = null, user_id = null, parameters } = intent;
  return [
    {
      event_type: "intent_received",
      payload: { intent_id, intent_type, version, session_id, solution_id, user_id, parameters, ...links },
    },
    { event_type: "execution_started", payload: { execution_id: owner.executionId, intent_id } },
    {
      event_type: "saga_started",
      payload: {
        saga_id: owner.sagaId,
        execution_id: owner.executionId,
        session_id,
        saga_name: definition.type,
        plan: [...definition.outline.nodes],
      },
    },
  ];
}
