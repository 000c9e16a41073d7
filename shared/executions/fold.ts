import type { ChainHead, LogEntry } from "../state/log-entry.ts";
import { RuntimeError } from "../errors.ts";
import { parseRfc3339, rfc3339 } from "../clock.ts";
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
  const chain = { sequence: entry.sequence, hash: entry.hash, timestamp_ms: parseRfc3339(entry.timestamp) };
  return applyEvent(state, entry, parseEvent(entry), chain);
}

/** As `apply`, for an entry that was just made of the event: what is ours need not be read back. */
export function applyEvent(
  state: Execution | undefined,
  entry: LogEntry,
  event: ExecutionDraft,
  chain: ChainHead,
): Execution {
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
      ...(event.payload.parent === undefined ? {} : { parent: event.payload.parent }),
      ...(event.payload.forked_from === undefined ? {} : { forked_from: event.payload.forked_from }),
      created_at: entry.timestamp,
      updated_at: entry.timestamp,
      trace_id: asId.trace(entry.trace_id),
      chain,
      steps: [],
    };
  }
  if (state === undefined) throw unreadable(entry, "it comes before intent_received");
  const revived = event.event_type === "signal_received" && event.payload.kind === "retry";
  const before = revived ? withoutDeath(state) : state;
  return { ...before, ...change(state, event, entry), updated_at: entry.timestamp, chain };
}

/** What killed an execution is not its error any more once it goes on; one that turns back keeps why. */
function withoutDeath({ dead_while: _, error: __, turned_back_by: cause, ...rest }: Execution): Execution {
  return cause === undefined ? rest : { ...rest, error: cause };
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
    case "step_started":
    case "step_completed":
    case "step_retry_scheduled":
    case "step_failed":
    case "step_compensated":
      return changeOfStep(state, event, entry);
    case "execution_started":
      return { status: "running" };
    case "saga_started":
      return { saga_name: event.payload.saga_name };
    case "execution_suspended":
      return suspended(state, event.payload.epoch);
    case "execution_resumed":
      return resumed(state, event.payload);
    case "signal_received":
      return afterSignal(state, event.payload, entry);
    case "execution_completed":
      return { status: "completed", output: event.payload.output };
    case "execution_failed":
      return afterFailure(state, event.payload);
    case "execution_compensated":
      return { status: "compensated", error: event.payload.error };
    case "execution_cancelled":
      return { status: "cancelled" };
    case "artifact_registered": {
      const { artifact_id, artifact_type, lifecycle_state } = event.payload;
      return { artifacts: [...state.artifacts, { artifact_id, artifact_type, lifecycle_state }] };
    }
    case "artifact_lifecycle_changed": {
      const { artifact_id, artifact_type, to } = event.payload;
      const others = state.artifacts.filter((artifact) => artifact.artifact_id !== artifact_id);
      return { artifacts: [...others, { artifact_id, artifact_type, lifecycle_state: to }] };
    }
    case "policy_decided":
      return {};
  }
}

type Failed = Extract<ExecutionDraft, { readonly event_type: "execution_failed" }>["payload"];

function afterFailure(state: Execution, { error, dead, compensating }: Failed): Partial<Execution> {
  if (compensating === true) return { status: "compensating", error };
  if (dead !== true) return { status: "failed", error };
  if (state.status !== "compensating") return { status: "dead", error, dead_while: "running" };
  // Why it turned back is kept, for when its undoing goes on.
  return { status: "dead", error, dead_while: "compensating", turned_back_by: state.error ?? error };
}

function suspended(state: Execution, epoch: number): Partial<Execution> {
  // While it undoes, it stays compensating: what it waits for is in its steps.
  if (state.status !== "running") return {};
  // Attempts that were lost with their workers stay counted, though the next epoch begins anew.
  const steps = state.steps.map((step) =>
    step.status === "started" && step.epoch < epoch
      ? { ...step, attempt: step.attempt + epoch - step.epoch, epoch }
      : step,
  );
  return { status: "suspended", steps };
}

function resumed(
  state: Execution,
  payload: { readonly epoch: number; readonly adopted_version?: number | undefined },
): Partial<Execution> {
  const version = payload.adopted_version === undefined ? {} : { intent_version: payload.adopted_version };
  if (state.status !== "suspended") return version;
  // It was let go of, not lost: what was on record as started was not at work, so the new epoch begins it.
  const steps = state.steps.map((step) => (step.status === "started" ? { ...step, epoch: payload.epoch } : step));
  return { ...version, status: "running", steps };
}

type StepEvent = Extract<Later, { readonly event_type: `step_${string}` }>;

function changeOfStep(state: Execution, event: StepEvent, entry: LogEntry): Partial<Execution> {
  switch (event.event_type) {
    case "step_started": {
      const step = {
        ...event.payload,
        step_name: entry.step_name ?? "",
        status: "started",
        started_at: entry.timestamp,
      } as const;
      return { steps: [...state.steps, step] };
    }
    case "step_completed": {
      const { step_id, attempt, outputs, events, skipped, signal_id } = event.payload;
      return {
        ...amendStep(state, entry, step_id, {
          status: skipped === true ? "skipped" : "completed",
          attempt,
          outputs,
          ...(events.length > 0 ? { events } : {}),
          ...(signal_id === undefined ? {} : { signal_id }),
          completed_at: entry.timestamp,
        }),
        ...(signal_id === undefined ? {} : withoutSignal(state, signal_id)),
      };
    }
    case "step_retry_scheduled": {
      const { step_id, attempt, epoch, due_at, error, undo, store_waits } = event.payload;
      return amendStep(state, entry, step_id, {
        ...(undo ? { undo_attempts: attempt } : { attempt, epoch }),
        due_at,
        error,
        ...(store_waits === undefined ? {} : { store_waits }),
      });
    }
    case "step_failed": {
      const { step_id, attempt, error, next } = event.payload;
      const step = amendStep(state, entry, step_id, {
        status: "failed",
        attempt,
        error,
        ...(next === "continue" ? { collected: true } : {}),
        completed_at: entry.timestamp,
      });
      if (next !== "compensate" || state.status === "compensating") return step;
      return { ...step, status: "compensating", error };
    }
    case "step_compensated":
      return amendStep(state, entry, event.payload.step_id, { status: "compensated" });
  }
}

type Signal = Extract<ExecutionDraft, { readonly event_type: "signal_received" }>["payload"];

function afterSignal(state: Execution, signal: Signal, { timestamp }: LogEntry): Partial<Execution> {
  switch (signal.kind) {
    case "signal": {
      const { signal_id, name, payload } = signal;
      return { signals: [...(state.signals ?? []), { signal_id, name, payload }] };
    }
    case "cancel":
      if (signal.effect === "refused") return {};
      return { cancelled: signal.effect, status: signal.effect === "compensate" ? "compensating" : "running" };
    case "child_ended":
      return {};
    case "retry":
      if (state.dead_while === "compensating") return { status: "compensating", steps: state.steps.map(undoAnew) };
      return {
        status: "running",
        revived_at: timestamp,
        steps: state.steps.map((step) => beginAnew(step, signal.epoch, timestamp)),
      };
  }
}

/** A step whose failure killed the execution begins anew, with all the time that it had. */
function beginAnew(step: Step, epoch: number, now: string): Step {
  if (step.status !== "failed" || step.collected === true) return step;
  const { due_at: dueAt, error: _, completed_at: __, ...rest } = step;
  const begun = { ...rest, status: "started", attempt: 1, epoch, started_at: now } as const;
  if (dueAt === undefined || step.step_type === "step") return begun;
  if (step.step_type === "sleep") return { ...begun, due_at: dueAt };
  const waitsMs = parseRfc3339(dueAt) - parseRfc3339(step.started_at);
  return { ...begun, due_at: rfc3339(parseRfc3339(now) + waitsMs) };
}

function undoAnew(step: Step): Step {
  const { due_at: _, undo_attempts: __, ...rest } = step;
  return rest;
}

function withoutSignal(state: Execution, signalId: string): Partial<Execution> {
  return { signals: (state.signals ?? []).filter((signal) => signal.signal_id !== signalId) };
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
