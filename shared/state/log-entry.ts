import * as z from "zod";

import { rfc3339 } from "../clock.ts";
import { idSchemas, type Ids } from "../ids.ts";
import { jsonObject, sha256, type JsonObject } from "../json.ts";
import { type ChainOwner, entryWriter, sealedText } from "../ports/entry-text.ts";
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
  "instance_started",
  "instance_stopped",
  "instance_crashed",
  "instance_restarted",
  "instance_deleted",
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

export interface SealedEntry {
  readonly entry: LogEntry;
  readonly row: LogRow;
  readonly head: ChainHead;
}

/** Seals the entries of one chain, each after the `head` that it is given. */
export type Sealer = (head: ChainHead, draft: LogDraft, nowMs: number) => SealedEntry;

/**
 * Gives a draft its place after `head`: sequence, time (never before its predecessor's) and hash.
 * The hash is SHA-256 over the entry's JSON text as stored and served, without its last member `hash`: an auditor needs no
 * canonical form, and one serialisation serves storing and sealing (ADR 0002).
 */
export function seal(head: ChainHead, owner: ChainOwner, draft: LogDraft, ids: Ids, nowMs: number): SealedEntry {
  return createSealer(owner, ids)(head, draft, nowMs);
}

/** As `seal`, for many entries of one chain: what they all share is made into text once. */
export function createSealer(owner: ChainOwner, ids: Ids): Sealer {
  const { tenantId, sessionId, executionId, sagaId, traceId } = owner;
  const stream = executionId ?? sessionId;
  const shared = { tenant_id: tenantId, session_id: sessionId, execution_id: executionId, saga_id: sagaId };
  const write = entryWriter(owner);
  let timestampMs = Number.NaN;
  let timestamp = "";

  return (head, { event_type: eventType, step_name: stepName, payload }, nowMs) => {
    const atMs = Math.max(nowMs, head.timestamp_ms);
    if (atMs !== timestampMs) {
      timestampMs = atMs;
      timestamp = rfc3339(atMs);
    }
    const eventId = ids.event();
    const sequence = head.sequence + 1;
    const previousHash = head.hash;
    const payloadText = JSON.stringify(payload);
    const unsealed = write({ eventId, sequence, eventType, stepName, timestamp, payload: payloadText, previousHash });
    const hash = sha256(unsealed);
    return {
      // In the order in which the members stand in the text.
      entry: {
        event_id: eventId,
        sequence,
        event_type: eventType,
        ...shared,
        step_name: stepName,
        timestamp,
        trace_id: traceId,
        payload,
        previous_hash: previousHash,
        hash,
      },
      row: {
        eventId,
        stream,
        sequence,
        eventType,
        timestampMs: atMs,
        sessionId,
        executionId,
        text: sealedText(unsealed, hash),
        sealed: { owner, stepName, payload: payloadText, hash },
      },
      head: { sequence, hash, timestamp_ms: atMs },
    };
  };
}

/** The hash that an entry's text should carry. */
export function hashOf(text: string): string {
  return sha256(text.replace(/,"hash":"[0-9a-f]*"\}$/, "}"));
}

/** The entry that a text is; undefined when it is none. */
export function readEntry(text: string): LogEntry | undefined {
  try {
    return logEntrySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
