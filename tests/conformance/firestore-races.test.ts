import { randomUUID } from "node:crypto";

import { Firestore } from "@google-cloud/firestore";
import { describe, expect, it, vi } from "vitest";

import { sharedFirestore, withParts } from "../kit/parts.ts";
import { testIds } from "../kit/runtime.ts";
import { DEAD_AFTER, HOUR, NOTHING, NOW, patch } from "./execution-store/scenario.ts";
import { openOn, sharedAddress } from "./firestore-scene.ts";

vi.setConfig({ testTimeout: 60_000 });

withParts(["firestore"], () => {
  describe("firestore races", () => {
    it("S1: an execution that is read while it is committed to is read as one of its commits left it", async () => {
      await using on = await openOn(await sharedAddress());
      const state = (n: number) =>
        patch("running", { head: { n }, steps: [0, 1, 30].map((position) => ({ position, body: { n } })) });
      const executionId = await on.admit({ state: state(0) });
      let reads = 0;
      const commits = (async () => {
        let n = 1;
        for (; reads < 8; n += 1) await on.commit(executionId, { state: state(n) });
        return n;
      })();
      for (; reads < 8; reads += 1) {
        const execution = await on.store.readExecution(on.tenantId, executionId);
        const { head, steps } = execution ?? { head: {}, steps: [] };
        expect(steps.map(({ body }) => body)).toEqual([head, head, head]);
      }
      expect(await commits).toBeGreaterThan(8);
    });

    it("S10, M1: letters of 20 senders at once to an execution that goes on committing all arrive, each once", async () => {
      await using on = await openOn(await sharedAddress());
      const executionId = await on.admit();
      const ids = Array.from({ length: 20 }, (_, n) => `m${n}`);
      const sending = Promise.all(ids.map((mailId) => on.write({ mail: [{ mailId, executionId, body: { mailId } }] })));
      for (let n = 0; n < 15; n += 1) {
        expect(await on.commit(executionId, { state: patch("running", { head: { n } }) })).toMatchObject({
          held: true,
        });
      }
      await sending;
      const mail = await on.store.readMail(on.tenantId, executionId);
      expect(mail.map(({ mailId }) => mailId).toSorted()).toEqual(ids.toSorted());
      const readMail = mail.slice(0, 12).map(({ mailId }) => mailId);
      expect(await on.commit(executionId, { readMail })).toMatchObject({ mail: true });
      expect(await on.store.readMail(on.tenantId, executionId)).toEqual(mail.slice(12));
    });

    it("A2: 24 acceptances of one session at once do not get into each other's way, and one that closes it fences them", async () => {
      await using on = await openOn(await sharedAddress());
      const requires = { kind: "session", id: on.sessionId, atMs: NOW, prolongToMs: NOW + 3 * HOUR };
      const accepted = await Promise.all(
        Array.from({ length: 24 }, () => on.store.accept(on.acceptance({ requires }))),
      );
      expect(new Set(accepted.map(({ outcome }) => outcome))).toEqual(new Set(["accepted"]));
      const session = await on.store.readRecord(on.tenantId, "session", on.sessionId);
      expect(session).toMatchObject({ version: 1, usableUntilMs: NOW + 3 * HOUR });

      const close = {
        kind: "session",
        id: on.sessionId,
        expectedVersion: 1,
        body: { closed: true },
        facets: ["all"],
        sortMs: NOW,
        usableUntilMs: 0,
      };
      const [closed, ...outcomes] = await Promise.all([
        on.write({ records: [close] }),
        ...Array.from({ length: 24 }, () => on.store.accept(on.acceptance({ requires }))),
      ]);
      expect(closed).toEqual({ outcome: "written" });
      expect(outcomes.every(({ outcome }) => outcome === "accepted" || outcome === "requirement_unmet")).toBe(true);
      // Nobody opened it again by prolonging it.
      expect(await on.store.readRecord(on.tenantId, "session", on.sessionId)).toMatchObject({ usableUntilMs: 0 });
      expect(await on.store.accept(on.acceptance({ requires }))).toEqual({ outcome: "requirement_unmet" });
    });

    it("A2: a record is prolonged while it is usable, and never opened again", async () => {
      await using on = await openOn(await sharedAddress());
      const requirement = { kind: "session", id: on.sessionId, atMs: NOW, prolongToMs: NOW + 3 * HOUR };
      expect(await on.store.prolong?.(on.tenantId, requirement)).toBe(true);
      const session = () => on.store.readRecord(on.tenantId, "session", on.sessionId);
      expect(await session()).toMatchObject({ version: 1, usableUntilMs: NOW + 3 * HOUR });
      expect(await on.store.prolong?.(on.tenantId, { ...requirement, prolongToMs: NOW })).toBe(true);
      const late = { ...requirement, atMs: NOW + 3 * HOUR, prolongToMs: NOW + 9 * HOUR };
      expect(await on.store.prolong?.(on.tenantId, late)).toBe(false);
      expect(await on.store.prolong?.(on.tenantId, { ...requirement, id: "nobody" })).toBe(false);
      expect(await session()).toMatchObject({ version: 1, usableUntilMs: NOW + 3 * HOUR });
    });

    it("S5: a key that is taken anew while it is purged is not purged", async () => {
      await using on = await openOn(await sharedAddress());
      const later = {
        createdMs: NOW + 2 * HOUR,
        requires: { kind: "session", id: on.sessionId, atMs: NOW, prolongToMs: NOW },
      };
      for (let round = 0; round < 8; round += 1) {
        const key = `k${round}`;
        await on.admit({ idempotency: { key, digest: "d", expiresMs: NOW + 1 } });
        const idempotency = { key, digest: "d", expiresMs: NOW + 3 * HOUR };
        const [first] = await Promise.all([
          on.store.accept(on.acceptance({ ...later, idempotency })),
          on.store.purge({ nowMs: NOW + 2 * HOUR, publishedBeforeMs: 0 }),
        ]);
        expect(first).toEqual({ outcome: "accepted", epoch: 1 });
        expect(await on.store.accept(on.acceptance({ ...later, idempotency }))).toMatchObject({ outcome: "duplicate" });
      }
    });
  });

  describe("firestore workers", () => {
    it("W2: the row of a silent worker stays while it holds something, and goes a minute after it holds nothing", async () => {
      const projectId = `test-${randomUUID()}`;
      await using on = await openOn(await sharedAddress(), projectId);
      const executionId = await on.admit();
      const sweep = (nowMs: number) => on.store.abandoned({ nowMs, deadAfterMs: DEAD_AFTER, limit: 9 });
      expect(await sweep(NOW + HOUR)).toEqual([{ tenantId: on.tenantId, executionId }]);
      expect(await workersOf(projectId)).toContain(on.workerId);
      await on.commit(executionId, { state: patch("completed"), release: { wakeAtMs: undefined } });
      expect(await sweep(NOW + DEAD_AFTER + 60_000)).toEqual([]);
      expect(await workersOf(projectId)).toContain(on.workerId);
      expect(await sweep(NOW + DEAD_AFTER + 60_001)).toEqual([]);
      expect(await workersOf(projectId)).not.toContain(on.workerId);
    });

    it("W2: whoever holds something without a row gets one, so that what it holds is found", async () => {
      const projectId = `test-${randomUUID()}`;
      await using on = await openOn(await sharedAddress(), projectId);
      const [first, second] = [await on.admit(), await on.admit({ workerId: testIds.worker() })];
      await on.admit({ state: patch("completed") });
      const db = new Firestore({ projectId, host: await sharedFirestore(), ssl: false });
      for (const worker of await db.collection("workers").listDocuments()) await worker.delete();
      await db.terminate();
      const sweep = async () => await on.store.abandoned({ nowMs: NOW, deadAfterMs: DEAD_AFTER, limit: 9 });
      expect(await sweep()).toEqual([]);
      await on.store.purge({ nowMs: NOW, publishedBeforeMs: NOW });
      expect(new Set((await sweep()).map(({ executionId }) => executionId))).toEqual(new Set([first, second]));
    });

    it("W1: many dead workers are gone through, and the limit is kept", async () => {
      await using on = await openOn(await sharedAddress());
      const dead = Array.from({ length: 70 }, () => testIds.worker());
      for (const workerId of dead) await on.store.beat(workerId, NOW - HOUR);
      const held = await Promise.all(dead.slice(-5).map((workerId) => on.admit({ workerId })));
      const sweep = async (limit: number) => await on.store.abandoned({ nowMs: NOW, deadAfterMs: DEAD_AFTER, limit });
      expect(new Set((await sweep(9)).map(({ executionId }) => executionId))).toEqual(new Set(held));
      expect(await sweep(3)).toHaveLength(3);
    });

    it("a claimer that beat just now does not beat again with every claim", async () => {
      const projectId = `test-${randomUUID()}`;
      await using on = await openOn(await sharedAddress(), projectId);
      const workerId = testIds.worker();
      await on.store.beat(workerId, NOW);
      const executions = await Promise.all(Array.from({ length: 12 }, () => on.admit()));
      await on.store.retire(on.workerId);
      const claims = await Promise.all(
        executions.map((executionId) => on.claim(executionId, { workerId, nowMs: NOW + 1_000 })),
      );
      expect(new Set(claims.map(({ outcome }) => outcome))).toEqual(new Set(["claimed"]));
      const db = new Firestore({ projectId, host: await sharedFirestore(), ssl: false });
      expect((await db.collection("workers").doc(workerId).get()).get("beat_ms")).toBe(NOW);
      await db.terminate();
      // Late enough, it does: without a beat of its own it would count as dead too soon.
      await on.commit(executions[0] ?? testIds.execution(), {
        epoch: 2,
        change: NOTHING,
        release: { wakeAtMs: undefined },
      });
      await on.claim(executions[0] ?? testIds.execution(), { workerId, nowMs: NOW + 2_900 });
      expect(await on.claim(executions[1] ?? testIds.execution(), { nowMs: NOW + 5_000 })).toEqual({ outcome: "held" });
    });
  });
});

async function workersOf(projectId: string): Promise<readonly string[]> {
  const db = new Firestore({ projectId, host: await sharedFirestore(), ssl: false });
  const workers = await db.collection("workers").listDocuments();
  await db.terminate();
  return workers.map(({ id }) => id);
}
