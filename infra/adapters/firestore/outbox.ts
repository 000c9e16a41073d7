import { FieldValue, type Firestore, type QueryDocumentSnapshot } from "@google-cloud/firestore";
import * as z from "zod";

import { type EventId, idSchemas } from "../../../shared/ids.ts";
import type { OutboxMessage } from "../../../shared/ports/execution-store.ts";
import { ChangeSet } from "./change-set.ts";
import { EVERY_SHARD, type Layout, shardOf } from "./layout.ts";
import type { Reach } from "./reach.ts";

const DROPPED_AT_ONCE = 250;

const rowSchema = z.object({
  event_id: idSchemas.event,
  tenant_id: idSchemas.tenant,
  topic: z.string(),
  ordering_key: z.string(),
  attributes: z.string(),
  data: z.string(),
});

/**
 * Messages of all tenants that wait to be published.
 *  B1  They are ordered by the time at which Firestore committed them, then by their position in the commit. Commits of one
 *      execution come one after the other, and Firestore's commit times grow with them: so do the messages of one ordering key.
 *  B2  What is there waits: a message that was published is deleted, which may be done twice.
 */
export interface Outbox {
  add(set: ChangeSet, messages: readonly OutboxMessage[]): void;
  waiting(limit: number, except: ReadonlySet<string>): Promise<readonly OutboxMessage[]>;
  drop(eventIds: readonly EventId[]): Promise<void>;
}

export function createOutbox(db: Firestore, layout: Layout, reach: Reach): Outbox {
  return {
    add: (set, messages) => {
      for (const [position, message] of messages.entries()) {
        set.create(layout.message(message.eventId), {
          event_id: message.eventId,
          tenant_id: message.tenantId,
          topic: message.topic,
          ordering_key: message.orderingKey,
          attributes: JSON.stringify(message.attributes),
          data: message.data,
          shard: shardOf(message.orderingKey),
          committed_at: FieldValue.serverTimestamp(),
          position,
        });
      }
    },

    waiting: async (limit, except) => {
      const messages: OutboxMessage[] = [];
      const query = layout.outbox
        .where("shard", "in", EVERY_SHARD)
        .orderBy("committed_at")
        .orderBy("position")
        .limit(limit);
      for (let next = query; ;) {
        const { docs } = await reach.call(() => next.get());
        for (const message of docs.map(messageOf)) {
          if (!except.has(message.orderingKey) && messages.length < limit) messages.push(message);
        }
        const last = docs.at(-1);
        if (last === undefined || docs.length < limit || messages.length === limit) return messages;
        next = query.startAfter(last);
      }
    },

    drop: async (eventIds) => {
      const unique = [...new Set(eventIds)];
      for (let from = 0; from < unique.length; from += DROPPED_AT_ONCE) {
        const set = new ChangeSet();
        for (const eventId of unique.slice(from, from + DROPPED_AT_ONCE)) set.remove(layout.message(eventId));
        await set.commit(db, reach);
      }
    },
  };
}

function messageOf(snapshot: QueryDocumentSnapshot): OutboxMessage {
  const row = rowSchema.parse(snapshot.data());
  return {
    eventId: row.event_id,
    tenantId: row.tenant_id,
    topic: row.topic,
    orderingKey: row.ordering_key,
    attributes: JSON.parse(row.attributes) as Record<string, string>,
    data: row.data,
  };
}
