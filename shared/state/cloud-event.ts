import { rfc3339 } from "../clock.ts";
import type { EventId, ExecutionId, SessionId, TenantId, TraceId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { OutboxMessage } from "../ports/execution-store.ts";
import { traceparent } from "../trace.ts";

/** The topic that all events of executions go to. */
export const EVENTS_TOPIC = "symphainy-events";

/** The type is an attribute of the message too, whose values have no more bytes in Pub/Sub. */
const MAX_TYPE_BYTES = 1_024;

/** What is wrong with an event's type, which then no bus would carry; undefined when nothing is. */
export function faultOfType(type: string): string | undefined {
  if (type === "") return "is empty";
  if (!type.isWellFormed()) return "has half of a character";
  const bytes = Buffer.byteLength(type);
  return bytes > MAX_TYPE_BYTES ? `has ${bytes} bytes; ${MAX_TYPE_BYTES} go with a message` : undefined;
}

export interface EventSource {
  readonly tenantId: TenantId;
  readonly sessionId: SessionId;
  readonly executionId: ExecutionId;
  readonly intentType: string;
  readonly traceId: TraceId;
}

export interface EventToTell {
  readonly eventId: EventId;
  readonly type: string;
  /** The data themselves, or where they lie: the extension `dataref` (CloudEvents, extensions/dataref.md). */
  readonly told: { readonly data: JsonObject } | { readonly dataref: string };
}

/** The outbox message of an event: a CloudEvent 1.0 in structured JSON, ordered by its execution. */
export function cloudEvent(source: EventSource, { eventId, type, told }: EventToTell, nowMs: number): OutboxMessage {
  const event = {
    specversion: "1.0",
    id: eventId,
    type,
    source: `/intents/${source.intentType}`,
    subject: source.executionId,
    time: rfc3339(nowMs),
    datacontenttype: "application/json",
    tenantid: source.tenantId,
    sessionid: source.sessionId,
    traceparent: traceparent(source.traceId),
    ...told,
  };
  return {
    eventId,
    tenantId: source.tenantId,
    topic: EVENTS_TOPIC,
    orderingKey: source.executionId,
    attributes: { "content-type": "application/cloudevents+json", ce_type: type, tenant_id: source.tenantId },
    data: JSON.stringify(event),
  };
}
