import { FieldValue, type Firestore, type QueryDocumentSnapshot } from "@google-cloud/firestore";
import * as z from "zod";

import { type EventId, idSchemas } from "../../../shared/ids.ts";
import type { OutboxMessage } from "../../../shared/ports/execution-store.ts";
import { ChangeSet } from "./change-set.ts";
import { EVERY_SHARD, type Layout, shardOf } from "./layout.ts";
import { answer, writeOptimistically } from "./optimistic.ts";
import type { Reach } from "./reach.ts";

const MARKED_AT_ONCE = 250;

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
 */
export interface Outbox {
  add(set: ChangeSet, messages: readonly OutboxMessage[]): void;
  waiting(limit: number, except: ReadonlySet<string>): Promise<readonly OutboxMessage[]>;
  mark(eventIds: readonly EventId[], atMs: number): Promise<void>;
}

export function createOutbox(db: Firestore, layout: Layout, reach: Reach): Outbox {
  const markSome = (eventIds: readonly EventId[], atMs: number): Promise<void> =>
    writeOptimistically<void>(db, reach, async () => {
      const messages = eventIds.map((eventId) => layout.message(eventId));
      const found = await reach.call(() => db.getAll(...messages, { fieldMask: ["waiting"] }));
      const set = new ChangeSet();
      for (const snapshot of found) {
        // One that is marked stays as it is: the first mark counts.
        const waits = snapshot.get("waiting") === true;
        if (waits && snapshot.updateTime !== undefined) {
          set.update(snapshot.ref, { waiting: false, published_ms: atMs }, snapshot.updateTime);
        }
      }
      return set.size === 0 ? answer(undefined) : { set, applied: () => undefined };
    });

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
          waiting: true,
          committed_at: FieldValue.serverTimestamp(),
          position,
          published_ms: null,
        });
      }
    },

    waiting: async (limit, except) => {
      const messages: OutboxMessage[] = [];
      const query = layout.outbox
        .where("waiting", "==", true)
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

    mark: async (eventIds, atMs) => {
      const unique = [...new Set(eventIds)];
      for (let from = 0; from < unique.length; from += MARKED_AT_ONCE) {
        await markSome(unique.slice(from, from + MARKED_AT_ONCE), atMs);
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
