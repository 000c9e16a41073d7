import type { LogFilter, LogRow } from "../../../shared/ports/execution-store.ts";
import { escaped, unescaped } from "./keys.ts";
import { readTimeKey, timeKey } from "./sortable.ts";

/** A log entry as it rests in its stream: its text to the letter, behind what filters ask for. */
export interface LogElement {
  readonly sequence: number;
  readonly timestampMs: number;
  readonly eventType: string;
  readonly sessionId: string | undefined;
  readonly text: string;
}

const NO_SESSION = "%-";
const HEADER = /^(\d+) (\S+) (\S+) (\S+) /;

export function elementOf({ sequence, timestampMs, eventType, sessionId, text }: LogRow): string {
  const session = sessionId === undefined ? NO_SESSION : escaped(sessionId);
  return `${sequence} ${timeKey(timestampMs)} ${escaped(eventType)} ${session} ${text}`;
}

export function readElement(element: string): LogElement {
  const [header = "", sequence, time = "", eventType = "", session = ""] = HEADER.exec(element) ?? [];
  return {
    sequence: Number(sequence),
    timestampMs: readTimeKey(time),
    eventType: unescaped(eventType),
    sessionId: session === NO_SESSION ? undefined : unescaped(session),
    text: element.slice(header.length),
  };
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
