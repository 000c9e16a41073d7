import { parseRfc3339 } from "../../shared/clock.ts";
import type { JsonObject, JsonValue } from "../../shared/json.ts";
import type { LogEntry } from "../../shared/state/log-entry.ts";
import { humanDuration } from "../../shared/duration.ts";
import { pad, printable, type Style } from "./terminal.ts";

const TYPE_COLUMNS = 26;

/** An entry in one line: when, what, where, and what is particular about it. */
export function entryLine(entry: LogEntry, style: Style): string {
  const where = entry.execution_id ?? entry.session_id ?? "";
  return `${style.dim(entry.timestamp)}  ${paintType(entry, style)}  ${style.dim(where)}  ${about(entry)}`.trimEnd();
}

/** As `entryLine`, for one execution: with the time since its first entry. */
export function entryLineAt(entry: LogEntry, firstMs: number, style: Style): string {
  const since = humanDuration(parseRfc3339(entry.timestamp) - firstMs).padStart(10);
  return `${style.dim(since)}  ${paintType(entry, style)}  ${about(entry)}`.trimEnd();
}

function paintType({ event_type }: LogEntry, style: Style): string {
  const text = pad(event_type, TYPE_COLUMNS);
  if (event_type.endsWith("_failed")) return style.red(text);
  if (event_type.endsWith("_completed")) return style.green(text);
  return /_(?:retry_scheduled|compensated|cancelled|suspended)$/.test(event_type) ? style.yellow(text) : text;
}

function about({ event_type, step_name = "", payload }: LogEntry): string {
  const details = (DETAILS[event_type]?.(payload) ?? []).filter((detail) => detail !== "");
  return printable([step_name, details.join(", ")].filter((part) => part !== "").join("  "));
}

/** What is worth a look in the payload of each type; the rest is in --json. */
const DETAILS: Readonly<Partial<Record<LogEntry["event_type"], (payload: JsonObject) => readonly string[]>>> = {
  intent_received: ({ intent_type, version }) => [`${shown(intent_type)} v${shown(version)}`],
  step_started: ({ child_execution_id, due_at }) => [shown(child_execution_id), until(due_at)],
  step_completed: ({ skipped, attempt }) => [
    skipped === true ? "skipped" : "",
    typeof attempt === "number" && attempt > 1 ? `attempt ${attempt}` : "",
  ],
  step_retry_scheduled: ({ undo, attempt, due_at, error }) => [
    `${undo === true ? "undo, " : ""}attempt ${shown(attempt)} at ${shown(due_at)}`,
    failure(error),
  ],
  step_failed: ({ error, next }) => [failure(error), `then: ${shown(next)}`],
  signal_received: ({ kind, name, effect }) => [shown(kind), shown(name), shown(effect)],
  execution_suspended: ({ reason, wake_at }) => [shown(reason), until(wake_at)],
  execution_failed: ({ error, dead, compensating }) => [
    failure(error),
    dead === true ? "waits for a person" : "",
    compensating === true ? "is undone" : "",
  ],
  execution_compensated: ({ error }) => [failure(error)],
  execution_completed: ({ artifacts_count, events_count }) => [
    `${shown(artifacts_count)} artifacts, ${shown(events_count)} events`,
  ],
  artifact_registered: (artifact) => [
    shown(artifact["artifact_type"]),
    shown(artifact["artifact_id"]),
    shown(artifact["lifecycle_state"]),
  ],
  artifact_lifecycle_changed: (artifact) => [
    shown(artifact["artifact_type"]),
    shown(artifact["artifact_id"]),
    shown(artifact["to"]),
  ],
  policy_decided: (payload) => [JSON.stringify(payload)],
  instance_started: ({ instance_id }) => [shown(instance_id)],
  instance_stopped: ({ instance_id }) => [shown(instance_id)],
  instance_crashed: ({ instance_id, error }) => [shown(instance_id), shown(error)],
  instance_restarted: ({ instance_id }) => [shown(instance_id)],
  instance_deleted: ({ instance_id }) => [shown(instance_id)],
};

function until(time: JsonValue | undefined): string {
  return typeof time === "string" ? `until ${time}` : "";
}

function failure(error: JsonValue | undefined): string {
  if (typeof error !== "object" || error === null || Array.isArray(error)) return "";
  const { code, message } = error as JsonObject;
  return `${shown(code)}: ${shown(message)}`;
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
