import type { DatabaseSync } from "node:sqlite";

import { asId, type EventId, trustedTenantId } from "../../../shared/ids.ts";
import type { OutboxMessage } from "../../../shared/ports/execution-store.ts";

/** Messages that wait to be published, in the order in which they were committed. */
export function createOutboxTable(db: DatabaseSync) {
  const insert = db.prepare(
    "INSERT INTO outbox (event_id, tenant_id, topic, ordering_key, attributes, data) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const waiting = db.prepare(
    `SELECT event_id, tenant_id, topic, ordering_key, attributes, data FROM outbox
     WHERE published_ms IS NULL AND ordering_key NOT IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT ?`,
  );
  // Along the waiting messages: those that are marked are the first of them, so an index by event id would not pay.
  const mark = db.prepare(
    "UPDATE outbox INDEXED BY outbox_waiting SET published_ms = ? WHERE event_id = ? AND published_ms IS NULL",
  );
  const purge = db.prepare("DELETE FROM outbox WHERE published_ms < ?");

  return {
    add: (message: OutboxMessage): void => {
      insert.run(
        message.eventId,
        message.tenantId,
        message.topic,
        message.orderingKey,
        JSON.stringify(message.attributes),
        message.data,
      );
    },

    waiting: (limit: number, except: readonly string[]): readonly OutboxMessage[] =>
      waiting.all(JSON.stringify(except), limit).map((row) => ({
        eventId: asId.event(String(row["event_id"])),
        tenantId: trustedTenantId(String(row["tenant_id"])),
        topic: String(row["topic"]),
        orderingKey: String(row["ordering_key"]),
        attributes: JSON.parse(String(row["attributes"])) as Record<string, string>,
        data: String(row["data"]),
      })),

    mark: (eventIds: readonly EventId[], atMs: number): void => {
      for (const eventId of eventIds) mark.run(atMs, eventId);
    },

    purge: (publishedBeforeMs: number): number => Number(purge.run(publishedBeforeMs).changes),
  };
}
