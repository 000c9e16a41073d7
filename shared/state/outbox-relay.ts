import type { Clock } from "../clock.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { MessageBus } from "../ports/message-bus.ts";

const BATCH = 100;

/**
 * Publishes committed messages.
 *  R1  A message is marked only after the bus has taken it: a relay that dies repeats at most its batch and loses nothing.
 *  R2  Messages of one ordering key go out in the order in which they were committed; a refused one holds back those behind it.
 */
export interface OutboxRelay {
  /** Says that there may be messages; returns at once. */
  nudge(): void;
  /** Publishes until nothing waits or the bus refuses; returns how many messages went out. */
  drain(): Promise<number>;
}

export interface OutboxRelayDeps {
  readonly store: ExecutionStore;
  readonly bus: MessageBus;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createOutboxRelay({ store, bus, clock, logger }: OutboxRelayDeps): OutboxRelay {
  let running: Promise<number> | undefined;
  let again = false;

  const publishBatch = async (): Promise<{ readonly sent: number; readonly refused: boolean }> => {
    const messages = await store.unpublished(BATCH);
    const held = new Set<string>();
    const sent = [];
    for (const message of messages) {
      if (held.has(message.orderingKey)) continue;
      try {
        await bus.publish({ ...message, id: message.eventId });
        sent.push(message.eventId);
      } catch (error) {
        held.add(message.orderingKey);
        logger.warn("the bus refused a message; it will be sent again", {
          event_id: message.eventId,
          tenant_id: message.tenantId,
          ...errorFields(error),
        });
      }
    }
    if (sent.length > 0) await store.markPublished(sent, clock.now());
    return { sent: sent.length, refused: held.size > 0 };
  };

  const drain = async (): Promise<number> => {
    let total = 0;
    for (;;) {
      again = false;
      const { sent, refused } = await publishBatch();
      total += sent;
      if (refused || (sent < BATCH && !again)) return total;
    }
  };

  const start = (): Promise<number> => {
    again = true;
    running ??= drain().finally(() => {
      running = undefined;
    });
    return running;
  };

  return {
    nudge: () => {
      start().catch((error: unknown) => logger.error("the outbox cannot be read", errorFields(error)));
    },
    drain: start,
  };
}
