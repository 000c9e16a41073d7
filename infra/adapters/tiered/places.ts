import * as z from "zod";

import { parseRfc3339 } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { asId } from "../../../shared/ids.ts";
import type { LogRow } from "../../../shared/ports/execution-store.ts";

/** Where an entry stands in the tail: "ms|stream|sequence|type|session|execution", sorted as text. */
export interface Place {
  readonly timestampMs: number;
  readonly stream: string;
  readonly sequence: number;
  readonly eventType: string;
  readonly sessionId: string;
  readonly executionId: string;
}

export function placeOf(
  row: Pick<LogRow, "timestampMs" | "stream" | "sequence" | "eventType" | "sessionId" | "executionId">,
): string {
  return [
    String(row.timestampMs).padStart(15, "0"),
    encodeURIComponent(row.stream),
    String(row.sequence).padStart(10, "0"),
    encodeURIComponent(row.eventType),
    encodeURIComponent(row.sessionId ?? ""),
    encodeURIComponent(row.executionId ?? ""),
  ].join("|");
}

export function readPlace(place: string): Place | undefined {
  const parts = /^(\d{15})\|([^|]+)\|(\d{10,})\|([^|]*)\|([^|]*)\|([^|]*)$/.exec(place);
  if (parts === null) return undefined;
  const [, ms = "", stream = "", sequence = "", type = "", session = "", execution = ""] = parts;
  try {
    return {
      timestampMs: Number(ms),
      stream: decodeURIComponent(stream),
      sequence: Number(sequence),
      eventType: decodeURIComponent(type),
      sessionId: decodeURIComponent(session),
      executionId: decodeURIComponent(execution),
    };
  } catch {
    // An escape that is none: somebody else's text.
    return undefined;
  }
}

const sealed = z.object({
  sequence: z.int().positive(),
  event_type: z.string(),
  session_id: z.string().optional(),
  execution_id: z.string().optional(),
  timestamp: z.iso.datetime(),
});

/** The place of an entry that is known by its text alone. Throws `log.unreadable` when the text is not that of a sealed entry. */
export function placeOfText(text: string): string {
  const entry = sealed.safeParse(JSON.parse(text)).data;
  if (entry === undefined)
    throw new RuntimeError("log.unreadable", "An entry of the log does not have the shape of one.");
  const { session_id = "", execution_id = "" } = entry;
  return placeOf({
    timestampMs: parseRfc3339(entry.timestamp),
    stream: execution_id === "" ? session_id : execution_id,
    sequence: entry.sequence,
    eventType: entry.event_type,
    sessionId: asId.session(session_id),
    executionId: execution_id === "" ? undefined : asId.execution(execution_id),
  });
}
