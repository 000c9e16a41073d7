import { type Clock, rfc3339 } from "../../clock.ts";
import type { Ids, TenantId } from "../../ids.ts";
import type { JsonValue } from "../../json.ts";
import { type ExecutionStore, NO_CHANGE, type RecordWrite } from "../../ports/execution-store.ts";
import type { CapabilityReply, GuestIdentity } from "../../ports/wasm-capabilities.ts";
import type { StateSurface } from "../../state/state-surface.ts";
import { UnitOfWork } from "../../state/unit-of-work.ts";
import { EVERY_TOPIC, type Inbox, inboxKind, messageWrite, topicFacet } from "../inbox.ts";
import { outboxMessageOf } from "./guest-event.ts";
import { refused, result } from "./provider-reply.ts";

const MAX_DATA_BYTES = 128 * 1024;
const MAX_SUBSCRIBERS = 20;
const MAX_WAITING = 1_000;
/** How often a message is tried whose inboxes others change at the same time. */
const ATTEMPTS = 16;

export interface PublishDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "event">;
  /** Says that there are messages in the outbox. */
  readonly nudge: () => void;
}

export interface GuestMessage {
  readonly topic: string;
  readonly data: JsonValue;
}

/**
 * Publishes a guest's message: into the outbox and into the inbox of each subscriber, in one commit or not at all. Refused where an
 * inbox is full, so that nothing that was published is lost.
 */
export function createPublish({ store, surface, clock, ids, nudge }: PublishDeps) {
  /** The inboxes that get a message of the topic, as `unit` sees them; undefined when there are too many. */
  const inboxesOf = async (unit: UnitOfWork, topic: string): Promise<readonly Inbox[] | undefined> => {
    const listed = await Promise.all(
      [topic, EVERY_TOPIC].map((each) =>
        surface.list(unit.tenantId, inboxKind, topicFacet(each), { limit: MAX_SUBSCRIBERS }),
      ),
    );
    if (listed.some(({ total }) => total > MAX_SUBSCRIBERS)) return undefined;
    const instanceIds = new Set(listed.flatMap(({ items }) => items.map(({ value }) => value.instance_id)));
    const inboxes = await Promise.all([...instanceIds].map((instanceId) => unit.get(inboxKind, instanceId)));
    // Ended in between.
    return inboxes.flatMap((inbox) => inbox ?? []);
  };

  const attempt = async (
    { tenantId, instanceId }: GuestIdentity,
    { topic, data }: GuestMessage,
  ): Promise<CapabilityReply | undefined> => {
    const nowMs = clock.now();
    const eventId = ids.event();
    const time = rfc3339(nowMs);
    const unit = new UnitOfWork(surface, tenantId, nowMs);
    const inboxes = await inboxesOf(unit, topic);
    if (inboxes === undefined)
      return refused("RESOURCE_EXHAUSTED", `More than ${MAX_SUBSCRIBERS} instances are subscribed to ${topic}.`);
    const full = inboxes.find(({ waiting }) => waiting >= MAX_WAITING);
    if (full !== undefined)
      return refused(
        "RESOURCE_EXHAUSTED",
        `${MAX_WAITING} messages wait for the instance ${full.instance_id}, which is all that may.`,
      );
    const messages: RecordWrite[] = [];
    for (const inbox of inboxes) {
      const { instance_id, next } = inbox;
      unit.put(inboxKind, instance_id, { ...inbox, next: next + 1, waiting: inbox.waiting + 1 });
      const message = { instance_id, number: next, topic, event_id: eventId, published_at: time, data, attempts: 0 };
      messages.push(messageWrite(message, 0));
    }
    const outbox = [outboxMessageOf({ type: "wasm_message", eventId, tenantId, instanceId, topic, time, data })];
    const records = [...unit.records, ...messages];
    const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records, outbox });
    if (outcome === "conflict") return undefined;
    nudge();
    return result({ event_id: eventId });
  };

  /** The publishing of each tenant that lost a race: one after the other, or all but one would lose again. */
  const turns = new Map<TenantId, Promise<unknown>>();
  const inTurn = (tenantId: TenantId, work: () => Promise<CapabilityReply>): Promise<CapabilityReply> => {
    const turn = (turns.get(tenantId) ?? Promise.resolve()).then(work);
    const last = async (): Promise<void> => {
      await Promise.allSettled([turn]);
      if (turns.get(tenantId) === over) turns.delete(tenantId);
    };
    const over = last();
    turns.set(tenantId, over);
    return turn;
  };

  return async (caller: GuestIdentity, message: GuestMessage): Promise<CapabilityReply> => {
    const sizeBytes = Buffer.byteLength(JSON.stringify(message.data) ?? "null");
    if (sizeBytes > MAX_DATA_BYTES)
      return refused("RESOURCE_EXHAUSTED", `The message has ${sizeBytes} bytes; ${MAX_DATA_BYTES} are allowed.`);
    const published = await attempt(caller, message);
    if (published !== undefined) return published;
    return inTurn(caller.tenantId, async () => {
      for (let tried = 1; tried < ATTEMPTS; tried += 1) {
        const reply = await attempt(caller, message);
        if (reply !== undefined) return reply;
      }
      return refused("RESOURCE_EXHAUSTED", `Too many others publish to ${message.topic} at the same time.`);
    });
  };
}
