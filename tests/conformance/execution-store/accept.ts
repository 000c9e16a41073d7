import { describe, expect, it } from "vitest";

import { testIds } from "../../kit/runtime.ts";
import { begin, entry, everything, HOUR, message, NOTHING, NOW, type OpenStore, patch, record } from "./scenario.ts";

/** What `accept` promises. */
export function describeAccept(open: OpenStore): void {
  describe("accept", () => {
    it("S1: stores intent, head, steps, records, log and outbox of an accepted execution together", async () => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const executionId = testIds.execution();
      const row = entry({ sessionId, executionId }, 1);
      const waiting = message(tenantId);
      await on.admit({
        executionId,
        intent: { asked: "ünïcödé", nested: { list: [1, null, "two"] } },
        state: patch("running", {
          head: { status: "running", chain: { sequence: 1 } },
          steps: [
            { position: 1, body: { name: "second" } },
            { position: 0, body: { name: "first" } },
          ],
        }),
        change: { records: [record("a")], log: [row], outbox: [waiting], mail: [] },
      });

      expect(await store.readExecution(tenantId, executionId)).toEqual({
        epoch: 1,
        intent: { asked: "ünïcödé", nested: { list: [1, null, "two"] } },
        head: { status: "running", chain: { sequence: 1 } },
        steps: [
          { position: 0, body: { name: "first" } },
          { position: 1, body: { name: "second" } },
        ],
      });
      expect((await store.readRecord(tenantId, "thing", "a"))?.version).toBe(1);
      expect((await store.readLog(tenantId, { executionId, order: "newest" }, { limit: 9 })).items).toEqual([row.text]);
      expect(await store.unpublished(9)).toEqual([waiting]);
    });

    it("S1: a record changed in between conflicts, is named, and nothing is stored", async () => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      await on.write({ records: [record("taken")] });
      const executionId = testIds.execution();
      const before = await everything(store, tenantId, [executionId]);
      const acceptance = on.acceptance({
        executionId,
        idempotency: { key: "k", digest: "d", expiresMs: NOW + HOUR },
        requires: { kind: "session", id: sessionId, atMs: NOW, prolongToMs: NOW + 2 * HOUR },
        change: {
          records: [record("new"), record("taken", { expectedVersion: 0 })],
          log: [entry({ sessionId, executionId }, 1)],
          outbox: [message(tenantId)],
          mail: [],
        },
      });
      expect(await store.accept(acceptance)).toEqual({ outcome: "conflict", kind: "thing", id: "taken" });
      expect(await everything(store, tenantId, [executionId])).toEqual(before);

      const again = { ...acceptance, change: NOTHING };
      expect(await store.accept(again)).toEqual({ outcome: "accepted", epoch: 1 });
    });

    it("S5: the same key and digest lead to the first execution, and nothing more is stored", async () => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      const idempotency = { key: "type/k", digest: "body", expiresMs: NOW + HOUR };
      const first = await on.admit({ idempotency });
      const second = testIds.execution();
      const before = await everything(store, tenantId, [first, second]);
      const repeat = on.acceptance({
        executionId: second,
        idempotency,
        change: {
          records: [record("x")],
          log: [entry({ sessionId, executionId: second }, 1)],
          outbox: [message(tenantId)],
          mail: [],
        },
      });
      expect(await store.accept(repeat)).toEqual({ outcome: "duplicate", executionId: first });
      expect(await everything(store, tenantId, [first, second])).toEqual(before);
    });

    it("S5: the same key with another digest is a mismatch, and nothing more is stored", async () => {
      await using on = await begin(open);
      const first = await on.admit({ idempotency: { key: "k", digest: "one", expiresMs: NOW + HOUR } });
      const before = await everything(on.store, on.tenantId, [first]);
      const other = on.acceptance({ idempotency: { key: "k", digest: "two", expiresMs: NOW + HOUR } });
      expect(await on.store.accept(other)).toEqual({ outcome: "idempotency_mismatch", executionId: first });
      expect(await everything(on.store, on.tenantId, [first])).toEqual(before);
    });

    it("S5: of 16 concurrent acceptances with one key, one is accepted and the others are its duplicates", async () => {
      await using on = await begin(open);
      const idempotency = { key: "k", digest: "d", expiresMs: NOW + HOUR };
      const acceptances = Array.from({ length: 16 }, () => on.acceptance({ idempotency }));
      const outcomes = await Promise.all(acceptances.map((acceptance) => on.store.accept(acceptance)));
      const winner = acceptances[outcomes.findIndex(({ outcome }) => outcome === "accepted")];
      expect(winner).toBeDefined();
      const duplicate = { outcome: "duplicate", executionId: winner?.executionId };
      expect(outcomes.filter(({ outcome }) => outcome !== "accepted")).toEqual(
        Array.from({ length: 15 }, () => duplicate),
      );
      expect((await on.store.listExecutions(on.tenantId, {}, { limit: 99 })).items).toHaveLength(1);
    });

    it.each([
      ["is still known a moment before it expires", HOUR - 1, "duplicate"],
      ["is free again once it expired, also before a purge", HOUR, "accepted"],
    ])("S5: a key %s", async (_, laterMs, outcome) => {
      await using on = await begin(open);
      await on.admit({ idempotency: { key: "k", digest: "d", expiresMs: NOW + HOUR } });
      const later = on.acceptance({
        createdMs: NOW + laterMs,
        idempotency: { key: "k", digest: "d", expiresMs: NOW + 2 * HOUR },
      });
      expect(await on.store.accept(later)).toMatchObject({ outcome });
    });

    it("S5: a key that was taken anew leads to the execution that took it", async () => {
      await using on = await begin(open);
      await on.admit({ idempotency: { key: "k", digest: "old", expiresMs: NOW + HOUR } });
      const createdMs = NOW + 2 * HOUR;
      const requires = { kind: "session", id: on.sessionId, atMs: NOW, prolongToMs: NOW };
      const idempotency = { key: "k", digest: "new", expiresMs: NOW + 3 * HOUR };
      const second = await on.admit({ createdMs, requires, idempotency });
      expect(await on.store.accept(on.acceptance({ createdMs, requires, idempotency }))).toEqual({
        outcome: "duplicate",
        executionId: second,
      });
    });

    it("different keys, and none at all, lead to executions of their own", async () => {
      await using on = await begin(open);
      await on.admit({ idempotency: { key: "a", digest: "d", expiresMs: NOW + HOUR } });
      await on.admit({ idempotency: { key: "b", digest: "d", expiresMs: NOW + HOUR } });
      await on.admit();
      await on.admit();
      expect((await on.store.listExecutions(on.tenantId, {}, { limit: 99 })).items).toHaveLength(4);
    });

    it("S1: what it requires must exist and be usable, or nothing is stored", async () => {
      await using on = await begin(open);
      const { store, tenantId, sessionId } = on;
      await on.write({ records: [record("closed", { usableUntilMs: 0 })] });
      const unmet = [
        { kind: "session", id: testIds.session(), atMs: NOW, prolongToMs: NOW + HOUR },
        { kind: "thing", id: sessionId, atMs: NOW, prolongToMs: NOW + HOUR },
        { kind: "thing", id: "closed", atMs: NOW, prolongToMs: NOW + HOUR },
        { kind: "session", id: sessionId, atMs: NOW + HOUR, prolongToMs: NOW + 2 * HOUR },
      ];
      const before = await everything(store, tenantId);
      const idempotency = { key: "k", digest: "d", expiresMs: NOW + HOUR };
      for (const requires of unmet) {
        const change = { records: [record("x")], log: [], outbox: [message(tenantId)], mail: [] };
        const acceptance = on.acceptance({ requires, idempotency, change });
        expect(await store.accept(acceptance)).toEqual({ outcome: "requirement_unmet" });
      }
      expect(await everything(store, tenantId)).toEqual(before);
      await on.admit({ idempotency });
    });

    it("a record without an end is always usable, and stays without one", async () => {
      await using on = await begin(open);
      await on.write({ records: [record("forever")] });
      await on.admit({ requires: { kind: "thing", id: "forever", atMs: NOW, prolongToMs: NOW + 1 } });
      expect((await on.store.readRecord(on.tenantId, "thing", "forever"))?.usableUntilMs).toBeUndefined();
    });

    it("prolongs what it requires, never shortens it, and leaves its version alone", async () => {
      await using on = await begin(open);
      const usable = async () => await on.store.readRecord(on.tenantId, "session", on.sessionId);
      const requires = { kind: "session", id: on.sessionId, atMs: NOW, prolongToMs: NOW + 5 * HOUR };
      await on.admit({ requires });
      expect(await usable()).toMatchObject({ usableUntilMs: NOW + 5 * HOUR, version: 1 });
      await on.admit({ requires: { ...requires, prolongToMs: NOW + 2 * HOUR } });
      expect(await usable()).toMatchObject({ usableUntilMs: NOW + 5 * HOUR, version: 1 });
      await on.admit({ requires: { ...requires, atMs: NOW + 4 * HOUR } });
    });
  });
}
