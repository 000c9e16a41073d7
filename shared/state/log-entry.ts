import * as z from "zod";

import { rfc3339 } from "../clock.ts";
import {
  idSchemas,
  type ExecutionId,
  type Ids,
  type SagaId,
  type SessionId,
  type TenantId,
  type TraceId,
} from "../ids.ts";
import { jsonObject, sha256, type JsonObject } from "../json.ts";
import type { LogRow } from "../ports/execution-store.ts";

export const EVENT_TYPES = [
  "session_created",
  "session_updated",
  "intent_received",
  "execution_started",
  "saga_started",
  "step_started",
  "step_completed",
  "step_failed",
  "step_retry_scheduled",
  "step_compensated",
  "signal_received",
  "execution_suspended",
  "execution_resumed",
  "execution_completed",
  "execution_failed",
  "execution_compensated",
  "execution_cancelled",
  "artifact_registered",
  "artifact_lifecycle_changed",
  "policy_decided",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** One entry of the write-ahead log, in the order of members that its hash covers. */
export const logEntrySchema = z.object({
  event_id: idSchemas.event,
  sequence: z.int().positive(),
  event_type: z.enum(EVENT_TYPES),
  tenant_id: z.string(),
  session_id: idSchemas.session.optional(),
  execution_id: idSchemas.execution.optional(),
  saga_id: idSchemas.saga.optional(),
  step_name: z.string().optional(),
  timestamp: z.iso.datetime(),
  trace_id: z.string(),
  payload: jsonObject,
  previous_hash: z.string(),
  hash: z.string(),
});
export type LogEntry = Readonly<z.infer<typeof logEntrySchema>>;

/** What happened, before it has a place in a chain. */
export interface LogDraft {
  readonly event_type: EventType;
  readonly step_name?: string;
  readonly payload: JsonObject;
}

/** The end of a chain: what the next entry follows. */
export const chainHeadSchema = z.object({ sequence: z.int().nonnegative(), hash: z.string(), timestamp_ms: z.int() });
export type ChainHead = Readonly<z.infer<typeof chainHeadSchema>>;

export const CHAIN_START: ChainHead = { sequence: 0, hash: "0".repeat(64), timestamp_ms: 0 };

/** Whose chain it is. Entries of an execution form one chain, entries of a session outside any execution another (ADR 0002). */
export interface ChainOwner {
  readonly tenantId: TenantId;
  readonly sessionId: SessionId;
  readonly executionId?: ExecutionId;
  readonly sagaId?: SagaId;
  readonly traceId: TraceId;
}

export interface SealedEntry {
  readonly entry: LogEntry;
  readonly row: LogRow;
  readonly head: ChainHead;
}

/**
 * Gives a draft its place after `head`: sequence, time (never before its predecessor's) and hash.
 * The hash is SHA-256 over the entry's JSON text as stored and served, without its last member `hash`: an auditor needs no
 * canonical form, and one serialisation serves storing and sealing (ADR 0002).
 */
export function seal(head: ChainHead, owner: ChainOwner, draft: LogDraft, ids: Ids, nowMs: number): SealedEntry {
  const timestampMs = Math.max(nowMs, head.timestamp_ms);
  const body = {
    event_id: ids.event(),
    sequence: head.sequence + 1,
    event_type: draft.event_type,
    tenant_id: owner.tenantId,
    session_id: owner.sessionId,
    execution_id: owner.executionId,
    saga_id: owner.sagaId,
    step_name: draft.step_name,
    timestamp: rfc3339(timestampMs),
    trace_id: owner.traceId,
    payload: draft.payload,
    previous_hash: head.hash,
  };
  const unsealed = JSON.stringify(body);
  const hash = sha256(unsealed);
  const text = `${unsealed.slice(0, -1)},"hash":"${hash}"}`;
  return {
    entry: { ...body, hash } as unknown as LogEntry,
    row: {
      eventId: body.event_id,
      stream: owner.executionId ?? owner.sessionId,
      sequence: body.sequence,
      eventType: body.event_type,
      timestampMs,
      sessionId: owner.sessionId,
      executionId: owner.executionId,
      text,
    },
    head: { sequence: body.sequence, hash, timestamp_ms: timestampMs },
  };
}

/** The hash that an entry's text should carry. */
export function hashOf(text: string): string {
  return sha256(text.replace(/,"hash":"[0-9a-f]*"\}$/, "}"));
}

export interface ChainFault {
  readonly sequence: number;
  readonly fault: "changed" | "missing" | "relinked";
}

/** The first fault of a chain given as the texts of its entries from the first on; undefined when it is whole. */
export function verifyChain(texts: readonly string[]): ChainFault | undefined {
  let previous = CHAIN_START.hash;
  for (const [index, text] of texts.entries()) {
    const entry = readEntry(text);
    const sequence = index + 1;
    if (entry === undefined) return { sequence, fault: "changed" };
    if (entry.sequence !== sequence) return { sequence, fault: "missing" };
    if (hashOf(text) !== entry.hash) return { sequence, fault: "changed" };
    if (entry.previous_hash !== previous) return { sequence, fault: "relinked" };
    previous = entry.hash;
  }
  return undefined;
}

function readEntry(text: string): LogEntry | undefined {
  try {
    return logEntrySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
