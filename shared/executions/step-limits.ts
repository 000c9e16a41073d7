import { RuntimeError } from "../errors.ts";
import { jsonBytes } from "../json-size.ts";
import { CLAIM_CHECK_BYTES } from "../state/claim-check.ts";
import type { EmittedEvent } from "../sagas/step-context.ts";
import { faultOfType } from "../state/cloud-event.ts";
import type { LogDraft } from "../state/log-entry.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { Execution } from "./execution.ts";
import type { Journal } from "./journal.ts";

/**
 * What the result of one step may change, on every store alike, so that a saga does not work on one and fail on another. The least of them,
 * Firestore, takes 500 writes and 10 MiB in a commit, and 1 MiB in a document; the rest is for what is committed along with it: the
 * start of what follows, or the end. An output has no limit here: what is large of it lies in the object store.
 */
export const STEP_LIMITS = {
  /** Records and log entries, each, and those of steps before that wait for the same commit. */
  records: 320,
  log_entries: 320,
  events: 50,
  /** As JSON: each record and log entry. */
  bytes_of_a_record: 512 * 1024,
  bytes_of_a_log_entry: 512 * 1024,
  /** As JSON: the data of a step's events that lie together in the entry that tells of its end; larger ones lie in the object store. */
  bytes_of_events: 512 * 1024,
  /** As JSON, of all records and log entries of the step. */
  bytes: 4 * 1024 * 1024,
  /** That one execution registered or moved, which its head names. */
  artifacts: 1_200,
} as const;

/** How many members of a group are at work at a time: one commit may start them all. */
export const MAX_MEMBERS_AT_WORK = 64;

/** How stores say that they will never take a change, however often they are asked. */
const REFUSED = new Set(["store.change_too_large", "store.text_malformed"]);

/** Whether a store refused a change for what it is: nothing of it was written. */
export function isRefusedChange(error: unknown): error is RuntimeError {
  return error instanceof RuntimeError && REFUSED.has(error.code);
}

/** Throws `step.change_too_large` (413) when what a step wants changed is more than a commit takes, with what has waited for it. */
export function checkChange(unit: UnitOfWork, journal: Journal, state: Execution): void {
  const { records, drafts } = unit;
  if (records.length === 0 && drafts.length === 0) return;
  expectAtMost("records", records.length + (journal.uncommitted?.size ?? 0));
  expectAtMost("log_entries", drafts.length);
  expectAtMost("artifacts", state.artifacts.length + drafts.filter(isOfArtifact).length);
  let total = 0;
  for (const { body } of records) total += expectAtMost("bytes_of_a_record", body === undefined ? 0 : jsonBytes(body));
  for (const { payload } of drafts) total += expectAtMost("bytes_of_a_log_entry", jsonBytes(payload));
  expectAtMost("bytes", total);
}

/** Throws `step.change_too_large` (413) for more events, or larger ones, than one step may emit, and `event.bad_type` (422). */
export function checkEvents(events: readonly EmittedEvent[]): void {
  if (events.length === 0) return;
  expectAtMost("events", events.length);
  let total = 0;
  for (const { type, data } of events) {
    expectEventType(type);
    const bytes = jsonBytes(data);
    if (bytes <= CLAIM_CHECK_BYTES) total += bytes;
  }
  expectAtMost("bytes_of_events", total);
}

/** Throws `event.bad_type` (422) for a type that no bus carries: such a message would hold up those behind it for ever. */
export function expectEventType(type: string): void {
  const fault = faultOfType(type);
  if (fault !== undefined) throw new RuntimeError("event.bad_type", `The type of an event ${fault}.`, { status: 422 });
}

function isOfArtifact({ event_type }: LogDraft): boolean {
  return event_type === "artifact_registered";
}

function expectAtMost(what: keyof typeof STEP_LIMITS, size: number): number {
  const limit = STEP_LIMITS[what];
  if (size <= limit) return size;
  const message = `A step may leave ${limit} ${what.replaceAll("_", " ")} to one commit; this one has ${size}. Nothing of it was written.`;
  throw new RuntimeError("step.change_too_large", message, { status: 413, details: { what, size, limit } });
}
