import type { Clock } from "../clock.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { EventId } from "../ids.ts";
import type { ExecutionStore, OutboxMessage } from "../ports/execution-store.ts";
import type { MessageBus } from "../ports/message-bus.ts";

const BATCH = 100;
/** After so many refused ordering keys the bus counts as away, until the next drain. */
const MAX_REFUSED = 20;
/** Messages that are committed within this time of each other go out together, and no answer waits for them. */
const GATHER_MS = 5;

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
  /** Resolves when what was nudged about is out, or was refused. */
  idle(): Promise<void>;
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

  const publish = async (message: OutboxMessage): Promise<boolean> => {
    try {
      await bus.publish({ ...message, id: message.eventId });
      return true;
    } catch (error) {
      logger.warn("the bus refused a message; it will be sent again", {
        event_id: message.eventId,
        tenant_id: message.tenantId,
        ...errorFields(error),
      });
      return false;
    }
  };

  /** Publishes one batch, and adds the ordering keys that were refused to `held`. */
  const publishBatch = async (held: Set<string>): Promise<{ readonly seen: number; readonly sent: number }> => {
    const messages = await store.unpublished(BATCH, [...held]);
    const sent: EventId[] = [];
    const keys = Map.groupBy(messages, ({ orderingKey }) => orderingKey);
    // Side by side: a bus that is away then costs one time-out, not one for each key.
    await Promise.all(
      [...keys].map(async ([orderingKey, inOrder]) => {
        for (const message of inOrder) {
          if (!(await publish(message))) return void held.add(orderingKey);
          sent.push(message.eventId);
        }
      }),
    );
    if (sent.length > 0) await store.markPublished(sent, clock.now());
    return { seen: messages.length, sent: sent.length };
  };

  const drain = async (): Promise<number> => {
    const held = new Set<string>();
    let total = 0;
    for (;;) {
      again = false;
      const before = held.size;
      const { seen, sent } = await publishBatch(held);
      total += sent;
      // A batch in which keys were refused may have hidden others behind them.
      if (seen < BATCH && held.size === before && !again) return total;
      if (held.size >= MAX_REFUSED) return total;
    }
  };

  const start = (): Promise<number> => {
    again = true;
    running ??= drain().finally(() => {
      running = undefined;
    });
    return running;
  };

  let gathering: Promise<void> | undefined;
  const gather = async (): Promise<void> => {
    await clock.sleep(GATHER_MS);
    gathering = undefined;
    await start();
  };

  return {
    nudge: () => {
      gathering ??= gather().catch((error: unknown) => logger.error("the outbox cannot be read", errorFields(error)));
    },
    drain: start,
    idle: async () => {
      while (gathering !== undefined || running !== undefined) await Promise.allSettled([gathering, running]);
    },
  };
}
