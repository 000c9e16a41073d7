import type { LogEntry } from "../state/log-entry.ts";
import { RuntimeError } from "../errors.ts";
import { parseRfc3339 } from "../clock.ts";
import { asId } from "../ids.ts";
import type { Execution, Step } from "./execution.ts";
import { type ExecutionDraft, executionPayloads } from "./execution-events.ts";

/**
 * The state after one more log entry.
 *  F1  The engine commits exactly what this function makes of the entries that it commits, so fold(log) = state, always.
 *  F2  Nothing but the entry and the state goes in: no clock, no ids, no store.
 * Throws `log.unreadable` for an entry that cannot follow the state.
 */
export function apply(state: Execution | undefined, entry: LogEntry): Execution {
  const event = parseEvent(entry);
  const chain = { sequence: entry.sequence, hash: entry.hash, timestamp_ms: parseRfc3339(entry.timestamp) };
  if (event.event_type === "intent_received") {
    return {
      execution_id: asId.execution(entry.execution_id ?? ""),
      intent_id: event.payload.intent_id,
      intent_type: event.payload.intent_type,
      intent_version: event.payload.version,
      tenant_id: entry.tenant_id,
      session_id: event.payload.session_id,
      saga_id: asId.saga(entry.saga_id ?? ""),
      status: "pending",
      artifacts: [],
      created_at: entry.timestamp,
      updated_at: entry.timestamp,
      trace_id: asId.trace(entry.trace_id),
      chain,
      steps: [],
    };
  }
  if (state === undefined) throw unreadable(entry, "it comes before intent_received");
  return { ...state, ...change(state, event, entry), updated_at: entry.timestamp, chain };
}

/** The state that a whole log folds to; undefined for an empty one. */
export async function foldLog(entries: AsyncIterable<LogEntry>): Promise<Execution | undefined> {
  let state: Execution | undefined;
  for await (const entry of entries) state = apply(state, entry);
  return state;
}

type Later = Exclude<ExecutionDraft, { readonly event_type: "intent_received" }>;

function change(state: Execution, event: Later, entry: LogEntry): Partial<Execution> {
  switch (event.event_type) {
    case "execution_started":
      return { status: "running" };
    case "saga_started":
      return { saga_name: event.payload.saga_name };
    case "execution_resumed":
      return {};
    case "step_started":
      return withStep(state, {
        ...event.payload,
        step_name: entry.step_name ?? "",
        status: "started",
        started_at: entry.timestamp,
      });
    case "step_completed":
      return amendStep(state, entry, event.payload.step_id, {
        status: "completed",
        attempt: event.payload.attempt,
        outputs: event.payload.outputs,
        ...(event.payload.events.length > 0 ? { events: event.payload.events } : {}),
        completed_at: entry.timestamp,
      });
    case "step_failed":
      return amendStep(state, entry, event.payload.step_id, {
        status: "failed",
        attempt: event.payload.attempt,
        error: event.payload.error,
        completed_at: entry.timestamp,
      });
    case "execution_completed":
      return { status: "completed", output: event.payload.output };
    case "execution_failed":
      return { status: "failed", error: event.payload.error };
    case "artifact_registered":
      return { artifacts: [...state.artifacts, event.payload] };
    case "artifact_lifecycle_changed": {
      const { artifact_id, artifact_type, to } = event.payload;
      const others = state.artifacts.filter((artifact) => artifact.artifact_id !== artifact_id);
      return { artifacts: [...others, { artifact_id, artifact_type, lifecycle_state: to }] };
    }
  }
}

function withStep(state: Execution, step: Step): Partial<Execution> {
  return { steps: [...state.steps, step] };
}

function amendStep(state: Execution, entry: LogEntry, stepId: string, amendment: Partial<Step>): Partial<Execution> {
  // The step that an entry speaks of is nearly always the last one.
  const index = state.steps.findLastIndex((step) => step.step_id === stepId);
  const step = state.steps[index];
  if (step === undefined) throw unreadable(entry, `no step ${stepId} was started`);
  return { steps: state.steps.with(index, { ...step, ...amendment }) };
}

function parseEvent(entry: LogEntry): ExecutionDraft {
  const schema = Object.hasOwn(executionPayloads, entry.event_type)
    ? executionPayloads[entry.event_type as ExecutionDraft["event_type"]]
    : undefined;
  const payload = schema?.safeParse(entry.payload);
  if (!payload?.success) throw unreadable(entry, "its payload is not the one of its type");
  return { event_type: entry.event_type, payload: payload.data } as ExecutionDraft;
}

function unreadable(entry: LogEntry, why: string): RuntimeError {
  return new RuntimeError(
    "log.unreadable",
    `The log entry ${entry.event_id} (${entry.event_type}) cannot be folded: ${why}.`,
  );
}
