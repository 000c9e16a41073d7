import { rfc3339 } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { asId, type ExecutionId, type TenantId } from "../../../shared/ids.ts";
import { entryWriter, sealedText, type WriteEntry } from "../../../shared/ports/entry-text.ts";
import type { LogFilter, LogRow } from "../../../shared/ports/execution-store.ts";
import { escaped, NONE, unescaped } from "./keys.ts";
import { readTimeKey, timeKey } from "./sortable.ts";

/** A log entry as it was read. */
export interface LogElement {
  readonly sequence: number;
  readonly timestampMs: number;
  readonly eventType: string;
  readonly sessionId: string | undefined;
  readonly text: string;
}

const FIRST_HASH = "0".repeat(64);
const HEADER = /^(\S+) (\d+) (\S+) (\S+) (\S+) /;

/**
 * A log entry as it rests in its stream. One of an execution is its parts: hash, sequence, time, type, id, step and payload, parted by
 * spaces; what all entries of the execution share, it has with the execution, and the hash before is in the element before.
 * Any other is `%-` in place of a hash, sequence, time, type, session, and its text to the letter.
 */
export function elementOf(row: LogRow): string {
  const { sequence, timestampMs, eventType, sessionId, sealed } = row;
  if (sealed === undefined || row.executionId === undefined || row.stream !== row.executionId) {
    const session = sessionId === undefined ? NONE : escaped(sessionId);
    return `${NONE} ${sequence} ${timeKey(timestampMs)} ${escaped(eventType)} ${session} ${row.text}`;
  }
  const step = sealed.stepName === undefined ? NONE : escaped(sealed.stepName);
  const { hash, payload } = sealed;
  return `${hash} ${sequence} ${timeKey(timestampMs)} ${eventType} ${row.eventId} ${step} ${payload}`;
}

/** Where elements lie. */
export interface Stream {
  readonly tenantId: TenantId;
  readonly name: string;
  /** The execution's constants (scripts/accept.lua.ts); null for another stream. */
  readonly constants: string | null;
  /** The hash in the element before the first that is read; null when that is the first of all. */
  readonly before: string | null;
}

/** Elements of one stream that follow each other, as the entries that they are. */
export function readElements(stream: Stream, elements: readonly (string | null)[]): LogElement[] {
  const { sessionId, write } = sharedBy(stream);
  let previousHash = stream.before ?? FIRST_HASH;
  return elements.map((element) => {
    const text = element ?? "";
    const [header = "", hash = "", sequence = "", time = "", type = "", fifth = ""] = HEADER.exec(text) ?? [];
    const entry = { sequence: Number(sequence), timestampMs: readTimeKey(time), eventType: unescaped(type) };
    const rest = text.slice(header.length);
    const before = previousHash;
    previousHash = hash;
    if (hash === NONE) return { ...entry, sessionId: fifth === NONE ? undefined : unescaped(fifth), text: rest };
    if (write === undefined) throw new RuntimeError("store.unexpected_reply", "An entry has lost its execution.");
    const end = rest.indexOf(" ");
    const step = rest.slice(0, end);
    const unsealed = write({
      ...entry,
      eventId: asId.event(fifth),
      stepName: step === NONE ? undefined : unescaped(step),
      timestamp: rfc3339(entry.timestampMs),
      payload: rest.slice(end + 1),
      previousHash: before,
    });
    return { ...entry, sessionId, text: sealedText(unsealed, hash) };
  });
}

/** What the entries of an execution share. */
function sharedBy({ tenantId, name, constants }: Stream): { sessionId?: string; write?: WriteEntry } {
  const [session = NONE, , , saga = NONE, trace = NONE] = constants?.split(" ") ?? [];
  if (saga === NONE) return {};
  const sessionId = asId.session(unescaped(session));
  const executionId: ExecutionId = asId.execution(unescaped(name));
  const [sagaId, traceId] = [asId.saga(unescaped(saga)), asId.trace(unescaped(trace))];
  return { sessionId, write: entryWriter({ tenantId, sessionId, executionId, sagaId, traceId }) };
}

/** Whether an entry of the right stream matches the rest of a filter. */
export function matches(filter: LogFilter, { sequence, timestampMs, eventType, sessionId }: LogElement): boolean {
  return (
    (filter.eventType ?? eventType) === eventType &&
    (filter.sessionId === undefined || filter.sessionId === sessionId) &&
    sequence > (filter.afterSequence ?? 0) &&
    timestampMs >= (filter.fromMs ?? 0) &&
    timestampMs < (filter.toMs ?? Number.POSITIVE_INFINITY)
  );
}

/** What an acceptance keeps of all entries of an execution's log: saga and trace. */
export function sharedWords(log: readonly LogRow[], executionId: ExecutionId): string {
  const owner = log.find((row) => row.stream === executionId)?.sealed?.owner;
  return `${owner?.sagaId === undefined ? NONE : escaped(owner.sagaId)} ${owner === undefined ? NONE : escaped(owner.traceId)}`;
}
