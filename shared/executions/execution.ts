import * as z from "zod";

import { jsonObject, jsonValue } from "../json.ts";

import { idSchemas } from "../ids.ts";
import { LIFECYCLE_STATES } from "../artifacts/artifact.ts";
import { chainHeadSchema } from "../state/log-entry.ts";

export const EXECUTION_STATUSES = [
  "pending",
  "running",
  "suspended",
  "compensating",
  "completed",
  "failed",
  "compensated",
  "cancelled",
  "dead",
] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

const TERMINAL: ReadonlySet<ExecutionStatus> = new Set(["completed", "failed", "compensated", "cancelled"]);

/** Whether nothing more will ever happen to an execution of this status. */
export function isTerminal(status: ExecutionStatus): boolean {
  return TERMINAL.has(status);
}

/** The statuses that the world is told of: nothing more happens by itself. */
export const ENDS = ["completed", "failed", "compensated", "cancelled", "dead"] as const;

/** Whether nothing more will happen by itself: terminal, or dead and waiting for a person. */
export function isSettled(status: ExecutionStatus): boolean {
  return isTerminal(status) || status === "dead";
}

export const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  status: z.int(),
  retryable: z.boolean(),
  step_name: z.string().optional(),
  details: jsonObject.optional(),
});
export type Failure = z.infer<typeof failureSchema>;

export const emittedEventSchema = z.object({
  event_id: z.string(),
  event_type: z.string(),
  data: jsonObject,
});

export const STEP_TYPES = ["step", "await", "sleep", "parallel", "map", "call", "emit"] as const;

export const stepSchema = z.object({
  step_id: idSchemas.step,
  step_name: z.string(),
  step_type: z.enum(STEP_TYPES),
  status: z.enum(["started", "completed", "skipped", "failed", "compensated"]),
  attempt: z.int().positive(),
  /** The epoch under which the start was recorded: later epochs that still find it started are further attempts. */
  epoch: z.int().positive(),
  inputs_digest: z.string(),
  /** As returned, or a claim check when it is large. */
  outputs: jsonValue.optional(),
  events: z.array(emittedEventSchema).optional(),
  /** When it is tried again, wakes, or gives up waiting: RFC 3339. */
  due_at: z.string().optional(),
  /** The items of a map, recorded when it began; or a claim check. */
  items: jsonValue.optional(),
  /** The child of a call. */
  child_execution_id: idSchemas.execution.optional(),
  /** The signal that an await has taken. */
  signal_id: z.string().optional(),
  /** How often it has waited for a store that could not be reached. */
  store_waits: z.int().optional(),
  /** Attempts of its undo that failed. */
  undo_attempts: z.int().optional(),
  error: failureSchema.optional(),
  /** Its group has taken the failure for a result. */
  collected: z.boolean().optional(),
  started_at: z.string(),
  completed_at: z.string().optional(),
});
export type Step = z.infer<typeof stepSchema>;

/** An execution without its steps: the small part that every commit rewrites. */
export const executionHeadSchema = z.object({
  execution_id: idSchemas.execution,
  intent_id: idSchemas.intent,
  intent_type: z.string(),
  intent_version: z.int().positive(),
  tenant_id: z.string(),
  session_id: idSchemas.session,
  saga_id: idSchemas.saga,
  saga_name: z.string().optional(),
  status: z.enum(EXECUTION_STATUSES),
  /** The artifacts that this execution registered or moved, and how it left them. */
  artifacts: z.array(
    z.object({ artifact_id: idSchemas.artifact, artifact_type: z.string(), lifecycle_state: z.enum(LIFECYCLE_STATES) }),
  ),
  output: jsonValue.optional(),
  error: failureSchema.optional(),
  /** Signals that came, each taken by the await of its name when the saga gets there. */
  signals: z.array(z.object({ signal_id: z.string(), name: z.string(), payload: jsonValue })).optional(),
  /** How it was cancelled. */
  cancelled: z.enum(["compensate", "stop"]).optional(),
  /** Where a dead execution goes on when a person lets it. */
  dead_while: z.enum(["running", "compensating"]).optional(),
  /** When a person last let it go on after its death: its time begins anew. */
  revived_at: z.string().optional(),
  /** Why it turned back, where `error` is why it then died. */
  turned_back_by: failureSchema.optional(),
  parent: z.object({ execution_id: idSchemas.execution, step_name: z.string() }).optional(),
  forked_from: z.object({ execution_id: idSchemas.execution, step_name: z.string() }).optional(),
  created_at: z.string(),
  updated_at: z.string(),
  trace_id: idSchemas.trace,
  chain: chainHeadSchema,
});
export type ExecutionHead = z.infer<typeof executionHeadSchema>;

/** The whole state of an execution: what its log entries fold to. */
export interface Execution extends ExecutionHead {
  readonly steps: readonly Step[];
}
