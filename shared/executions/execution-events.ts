import * as z from "zod";

import { LIFECYCLE_STATES } from "../artifacts/artifact.ts";
import { idSchemas } from "../ids.ts";
import { jsonObject, jsonValue } from "../json.ts";
import { emittedEventSchema, ENDS, failureSchema, STEP_TYPES } from "./execution.ts";

const step = { step_id: idSchemas.step };
const link = z.object({ execution_id: idSchemas.execution, step_name: z.string() });

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
    parent: link.optional(),
    forked_from: link.optional(),
  }),
  execution_started: z.object({ execution_id: idSchemas.execution, intent_id: idSchemas.intent }),
  saga_started: z.object({
    saga_id: idSchemas.saga,
    execution_id: idSchemas.execution,
    session_id: idSchemas.session,
    saga_name: z.string(),
    /** The outline of the plan that it began with. */
    plan: z.array(z.string()),
  }),
  step_started: z.object({
    ...step,
    step_type: z.enum(STEP_TYPES),
    attempt: z.int(),
    epoch: z.int(),
    inputs_digest: z.string(),
    due_at: z.string().optional(),
    items: jsonValue.optional(),
    child_execution_id: idSchemas.execution.optional(),
  }),
  step_completed: z.object({
    ...step,
    attempt: z.int(),
    outputs: jsonValue,
    events: z.array(emittedEventSchema),
    skipped: z.boolean().optional(),
    signal_id: z.string().optional(),
  }),
  step_retry_scheduled: z.object({
    ...step,
    attempt: z.int(),
    epoch: z.int(),
    due_at: z.string(),
    error: failureSchema,
    undo: z.boolean(),
    /** How often in a row it has waited for a store that could not be reached: such waiting counts as no attempt. */
    store_waits: z.int().optional(),
  }),
  /** `next`: the saga compensates, ends as failed, or goes on because the failure was collected. */
  step_failed: z.object({
    ...step,
    attempt: z.int(),
    error: failureSchema,
    next: z.enum(["compensate", "fail", "continue"]),
  }),
  step_compensated: z.object(step),
  signal_received: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("signal"), signal_id: z.string(), name: z.string(), payload: jsonValue }),
    z.object({ kind: z.literal("cancel"), signal_id: z.string(), effect: z.enum(["compensate", "stop", "refused"]) }),
    z.object({
      kind: z.literal("child_ended"),
      signal_id: z.string(),
      step_name: z.string(),
      status: z.string(),
    }),
    z.object({ kind: z.literal("retry"), signal_id: z.string(), epoch: z.int() }),
  ]),
  execution_suspended: z.object({
    execution_id: idSchemas.execution,
    /** Of the worker that let go. */
    epoch: z.int(),
    reason: z.enum(["waiting", "handed_on"]),
    wake_at: z.string().nullable(),
  }),
  execution_resumed: z.object({
    execution_id: idSchemas.execution,
    epoch: z.int(),
    /** The version of the plan that it goes on under, when it adopted a newer one. */
    adopted_version: z.int().optional(),
  }),
  execution_completed: z.object({
    execution_id: idSchemas.execution,
    intent_id: idSchemas.intent,
    artifacts_count: z.int(),
    events_count: z.int(),
    output: jsonValue,
  }),
  execution_failed: z.object({
    execution_id: idSchemas.execution,
    intent_id: idSchemas.intent,
    error: failureSchema,
    /** Not ended but stuck: a person must decide. */
    dead: z.boolean().optional(),
    /** Not ended yet: what it did is undone first. */
    compensating: z.boolean().optional(),
  }),
  execution_compensated: z.object({
    execution_id: idSchemas.execution,
    intent_id: idSchemas.intent,
    error: failureSchema,
  }),
  execution_cancelled: z.object({
    execution_id: idSchemas.execution,
    intent_id: idSchemas.intent,
    compensated: z.boolean(),
  }),
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
  /** Of whatever policy: it tells, and changes nothing of the execution. */
  policy_decided: z.object({}),
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

/** What the event that tells of an execution's end says, `execution_<status>`. */
export const executionEndedSchema = z.object({
  execution_id: idSchemas.execution,
  intent_id: idSchemas.intent,
  intent_type: z.string(),
  status: z.enum(ENDS),
  error: failureSchema.optional(),
});
