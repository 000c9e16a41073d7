import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { createLogger } from "../../../shared/logger.ts";
import type { ExecutionStore, OutboxMessage } from "../../../shared/ports/execution-store.ts";
import type { BusMessage, MessageBus } from "../../../shared/ports/message-bus.ts";
import { createOutboxRelay } from "../../../shared/state/outbox-relay.ts";
import { testIds } from "../../kit/runtime.ts";
import { createManualClock } from "../manual-clock.ts";

const ACME = trustedTenantId("acme");

/** A store whose outbox holds a message for each key, and a bus that refuses what it is told to. */
async function open(keys: readonly string[]) {
  const store = createSqliteStore(":memory:");
  const messages = keys.map((orderingKey): OutboxMessage => ({
    eventId: testIds.event(),
    tenantId: ACME,
    topic: "events",
    orderingKey,
    attributes: { n: "1" },
    data: "{}",
  }));
  await store.write(ACME, { records: [], log: [], outbox: messages, mail: [] });
  const sent: BusMessage[] = [];
  const refused = new Set<string>();
  const bus: MessageBus = {
    publish: async (message) => {
      await Promise.resolve();
      if (refused.has(message.id)) throw new Error("no");
      sent.push(message);
    },
    ping: () => Promise.resolve(),
  };
  const clock = createManualClock();
  const logger = createLogger({ clock, level: "error", write: () => undefined });
  const relay = (over: Partial<ExecutionStore> = {}) =>
    createOutboxRelay({ store: { ...store, ...over }, bus, clock, logger });
  return {
    store,
    messages,
    sent,
    refused,
    relay,
    ids: messages.map(({ eventId }) => eventId),
    sentIds: () => sent.map(({ id }) => id),
    waiting: async () => (await store.unpublished(1_000)).map(({ eventId }) => eventId),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

describe("the outbox relay", () => {
  it("publishes all that waits, as it was written, in order and once", async () => {
    await using on = await open(["a", "b", "a"]);
    const relay = on.relay();
    expect(await relay.drain()).toBe(3);
    expect(on.sent).toMatchObject(on.messages.map((message) => ({ ...message, id: message.eventId })));
    expect(on.sent).toHaveLength(3);
    expect(await relay.drain()).toBe(0);
    expect(await on.waiting()).toEqual([]);
    expect(on.sent).toHaveLength(3);
  });

  it("goes on over more than one batch", async () => {
    await using on = await open(Array.from({ length: 250 }, (_, n) => `key ${n % 3}`));
    expect(await on.relay().drain()).toBe(250);
    expect(on.sentIds()).toEqual(on.ids);
    expect(await on.waiting()).toEqual([]);
  });

  it("R1: a relay that dies between publishing and marking loses nothing and repeats its batch", async () => {
    await using on = await open(["a", "b"]);
    const dying = on.relay({ markPublished: () => Promise.reject(new Error("died")) });
    await expect(dying.drain()).rejects.toThrow("died");
    expect(await on.waiting()).toEqual(on.ids);
    expect(await on.relay().drain()).toBe(2);
    expect(on.sentIds()).toEqual([...on.ids, ...on.ids]);
    expect(await on.waiting()).toEqual([]);
  });

  it("R1: a message is marked only after the bus has taken it", async () => {
    await using on = await open(["a", "b"]);
    on.refused.add(on.ids[0] ?? "");
    expect(await on.relay().drain()).toBe(1);
    expect(await on.waiting()).toEqual([on.ids[0]]);
  });

  it("R2: a refused message holds back those behind it with its key, and no others", async () => {
    await using on = await open(["a", "b", "a", "c", "a", "b"]);
    on.refused.add(on.ids[2] ?? "");
    const relay = on.relay();
    await relay.drain();
    expect(on.sentIds()).toEqual([0, 1, 3, 5].map((n) => on.ids[n]));
    expect(await on.waiting()).toEqual([on.ids[2], on.ids[4]]);
    on.refused.clear();
    await relay.drain();
    expect(on.sentIds().slice(4)).toEqual([on.ids[2], on.ids[4]]);
  });

  it("R2: a refused key with more than a batch of messages does not hold back other keys", async () => {
    await using on = await open([...Array.from({ length: 100 }, () => "stuck"), "free"]);
    on.refused.add(on.ids[0] ?? "");
    await on.relay().drain();
    expect(on.sentIds()).toEqual([on.ids[100]]);
  });

  it("sends what is committed while it drains", async () => {
    await using on = await open(["a"]);
    const late = { ...on.messages[0], eventId: testIds.event() } as OutboxMessage;
    let added = false;
    const relay = on.relay({
      markPublished: async (ids, atMs) => {
        await on.store.markPublished(ids, atMs);
        if (added) return;
        added = true;
        await on.store.write(ACME, { records: [], log: [], outbox: [late], mail: [] });
        void relay.drain();
      },
    });
    expect(await relay.drain()).toBe(2);
    expect(on.sentIds()).toEqual([...on.ids, late.eventId]);
  });

  it("many drains at once are one", async () => {
    await using on = await open(["a", "b"]);
    const relay = on.relay();
    relay.nudge();
    await Promise.all([relay.drain(), relay.drain(), relay.drain()]);
    expect(on.sentIds()).toEqual(on.ids);
  });

  it("drain says that the store cannot be read; nudge does not throw", async () => {
    await using on = await open(["a"]);
    const relay = on.relay({ unpublished: () => Promise.reject(new Error("gone")) });
    await expect(relay.drain()).rejects.toThrow("gone");
    expect(() => relay.nudge()).not.toThrow();
    await expect(relay.drain()).rejects.toThrow("gone");
  });
});
