import { RuntimeError } from "../errors.ts";
import { type Intent, intentSchema } from "../intents/intent.ts";
import type { JsonObject } from "../json.ts";
import type { StoredExecution } from "../ports/execution-store.ts";
import { type Execution, type ExecutionHead, executionHeadSchema, stepSchema } from "./execution.ts";

export interface LoadedExecution {
  readonly epoch: number;
  readonly intent: Intent;
  readonly state: Execution;
}

/** An execution as it was stored. Throws `execution.unreadable` when the rows do not have their shape. */
export function loadExecution(stored: StoredExecution): LoadedExecution {
  try {
    return {
      epoch: stored.epoch,
      intent: intentSchema.parse(stored.intent),
      state: { ...loadHead(stored.head), steps: stored.steps.map(({ body }) => stepSchema.parse(body)) },
    };
  } catch (cause) {
    throw new RuntimeError("execution.unreadable", "A stored execution does not have the shape of one.", { cause });
  }
}

export function loadHead(head: JsonObject): ExecutionHead {
  return executionHeadSchema.parse(head);
}
