import type { EventId, InstanceId, TenantId } from "../../ids.ts";
import type { JsonValue } from "../../json.ts";
import type { OutboxMessage } from "../../ports/execution-store.ts";
import { EVENTS_TOPIC } from "../../state/cloud-event.ts";

/** The CloudEvent types of what guests publish, and of what a guest never acknowledged; the subject is the guest's topic. */
type GuestEventType = "wasm_message" | "wasm_message_dead";

export interface GuestEvent {
  readonly type: GuestEventType;
  readonly eventId: EventId;
  readonly tenantId: TenantId;
  /** Who published it, or who did not acknowledge it. */
  readonly instanceId: InstanceId;
  readonly topic: string;
  /** RFC 3339. */
  readonly time: string;
  readonly data: JsonValue;
}

/** The event as a message in the outbox; those of an instance keep their order. */
export function outboxMessageOf({ type, eventId, tenantId, instanceId, topic, time, data }: GuestEvent): OutboxMessage {
  const event = {
    specversion: "1.0",
    id: eventId,
    type,
    source: `/wasm/instances/${instanceId}`,
    subject: topic,
    time,
    datacontenttype: "application/json",
    tenantid: tenantId,
    data,
  };
  return {
    eventId,
    tenantId,
    topic: EVENTS_TOPIC,
    orderingKey: instanceId,
    attributes: {
      "content-type": "application/cloudevents+json",
      ce_type: type,
      ce_subject: topic,
      tenant_id: tenantId,
    },
    data: JSON.stringify(event),
  };
}
