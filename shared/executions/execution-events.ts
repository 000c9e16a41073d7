import * as z from "zod";

import { jsonObject, jsonValue } from "../json.ts";

import { LIFECYCLE_STATES } from "../artifacts/artifact.ts";
import { idSchemas } from "../ids.ts";
import { emittedEventSchema, failureSchema } from "./execution.ts";

const step = { step_id: idSchemas.step };

/** The payload of each entry in an execution's log: enough, together, to rebuild the execution. */
export const executionPayloads = {
  intent_received: z.object({
    intent_id: idSchemas.intent,
    intent_type: z.string(),
    version: z.int(),
    session_id: idSchemas.session,
    solution_id: z.string().nullable(),
    user_id: z.string().nullable(),
    parameters: jsonObject,
  }),
  execution_started: z.object({ execution_id: idSchemas.execution, intent_id: idSchemas.intent }),
  saga_started: z.object({
    saga_id: idSchemas.saga,
    execution_id: idSchemas.execution,
    session_id: idSchemas.session,
    saga_name: z.string(),
  }),
  step_started: z.object({
    ...step,
    step_type: z.enum(["step"]),
    attempt: z.int(),
    epoch: z.int(),
    inputs_digest: z.string(),
  }),
  step_completed: z.object({ ...step, attempt: z.int(), outputs: jsonValue, events: z.array(emittedEventSchema) }),
  step_failed: z.object({ ...step, attempt: z.int(), error: failureSchema }),
  execution_resumed: z.object({ execution_id: idSchemas.execution, epoch: z.int() }),
  execution_completed: z.object({
    execution_id: idSchemas.execution,
    intent_id: idSchemas.intent,
    artifacts_count: z.int(),
    events_count: z.int(),
    output: jsonValue,
  }),
  execution_failed: z.object({ execution_id: idSchemas.execution, intent_id: idSchemas.intent, error: failureSchema }),
  artifact_registered: z.object({
    artifact_id: idSchemas.artifact,
    artifact_type: z.string(),
    lifecycle_state: z.enum(LIFECYCLE_STATES),
  }),
  artifact_lifecycle_changed: z.object({
    artifact_id: idSchemas.artifact,
    artifact_type: z.string(),
    to: z.enum(LIFECYCLE_STATES),
  }),
} as const;

type Payloads = typeof executionPayloads;
export type ExecutionEventType = keyof Payloads;

/** A log entry to be, with the payload of its type. */
export type ExecutionDraft = {
  readonly [Type in ExecutionEventType]: {
    readonly event_type: Type;
    readonly payload: z.infer<Payloads[Type]>;
    readonly step_name?: string;
  };
}[ExecutionEventType];
