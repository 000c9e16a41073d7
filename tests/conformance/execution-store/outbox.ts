import { describe, expect, it } from "vitest";

import { testIds } from "../../kit/runtime.ts";
import { begin, HOUR, message, NOTHING, NOW, type OpenStore } from "./scenario.ts";

/** What the outbox and `purge` promise. */
export function describeOutbox(open: OpenStore): void {
  describe("outbox", () => {
    it("gives what waits in the order in which it was committed, up to its limit, as it was written", async () => {
      await using on = await begin(open);
      const messages = Array.from({ length: 6 }, () => message(on.tenantId));
      const [first, second, third, ...rest] = messages;
      if (first === undefined || second === undefined || third === undefined) throw new Error("six messages");
      await on.write({ outbox: [first], mail: [] });
      const executionId = await on.admit({ change: { ...NOTHING, outbox: [second, third], mail: [] } });
      await on.commit(executionId, { change: { ...NOTHING, outbox: rest } });
      expect(await on.store.unpublished(100)).toEqual(messages);
      expect(await on.store.unpublished(4)).toEqual(messages.slice(0, 4));
    });

    it("a published message waits no more; the others keep their order", async () => {
      await using on = await begin(open);
      const messages = Array.from({ length: 4 }, () => message(on.tenantId));
      await on.write({ outbox: messages, mail: [] });
      await on.store.markPublished(
        [messages[0], messages[2]].flatMap((sent) => sent?.eventId ?? []),
        NOW,
      );
      expect(await on.store.unpublished(100)).toEqual([messages[1], messages[3]]);
    });

    it("marking is harmless for nothing, for the unknown, and twice", async () => {
      await using on = await begin(open);
      const sent = message(on.tenantId);
      await on.write({ outbox: [sent], mail: [] });
      await on.store.markPublished([], NOW);
      await on.store.markPublished([testIds.event()], NOW);
      await on.store.markPublished([sent.eventId], NOW);
      await on.store.markPublished([sent.eventId], NOW + HOUR);
      expect(await on.store.unpublished(100)).toEqual([]);
      // The first mark counts.
      expect(await on.store.purge({ nowMs: NOW, publishedBeforeMs: NOW + 1 })).toBe(on.rowsOfPublished);
    });
  });

  describe("purge", () => {
    it("drops messages published before the time given, never one that waits", async () => {
      await using on = await begin(open);
      const [early, late, waiting] = [message(on.tenantId), message(on.tenantId), message(on.tenantId)];
      await on.write({ outbox: [early, late, waiting], mail: [] });
      await on.store.markPublished([early.eventId], NOW);
      await on.store.markPublished([late.eventId], NOW + 10);
      const query = { nowMs: NOW + 20, publishedBeforeMs: NOW + 10 };
      expect(await on.store.purge(query)).toBe(on.rowsOfPublished);
      expect(await on.store.purge(query)).toBe(0);
      expect(await on.store.unpublished(100)).toEqual([waiting]);
      expect(await on.store.purge({ ...query, publishedBeforeMs: NOW + 11 })).toBe(on.rowsOfPublished);
    });

    it("S5: drops expired idempotency keys and keeps the others", async () => {
      await using on = await begin(open);
      await on.admit({ idempotency: { key: "short", digest: "d", expiresMs: NOW + 10 } });
      const kept = await on.admit({ idempotency: { key: "long", digest: "d", expiresMs: NOW + HOUR } });
      expect(await on.store.purge({ nowMs: NOW + 9, publishedBeforeMs: 0 })).toBe(0);
      expect(await on.store.purge({ nowMs: NOW + 10, publishedBeforeMs: 0 })).toBe(1);
      const again = on.acceptance({ idempotency: { key: "long", digest: "d", expiresMs: NOW + HOUR } });
      expect(await on.store.accept(again)).toEqual({ outcome: "duplicate", executionId: kept });
    });

    it("touches nothing else", async () => {
      await using on = await begin(open);
      const executionId = await on.admit();
      expect(await on.store.purge({ nowMs: NOW + 999 * HOUR, publishedBeforeMs: NOW + 999 * HOUR })).toBe(0);
      expect(await on.store.readExecution(on.tenantId, executionId)).toBeDefined();
      expect(await on.store.readRecord(on.tenantId, "session", on.sessionId)).toBeDefined();
    });
  });
}
