import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { asId, type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { testIds } from "../../kit/runtime.ts";
import {
  begin,
  DEAD_AFTER,
  entry,
  HOUR,
  NOTHING,
  NOW,
  type OpenStore,
  openSession,
  patch,
  record,
  type Scenario,
} from "./scenario.ts";

const OTHER = trustedTenantId("rival");
const SESSION = asId.session("session_shared");
const EXECUTIONS = ["execution_1", "execution_2"].map(asId.execution);
const PAGE = { limit: 100 };

type Deed = (store: ExecutionStore, tenantId: TenantId) => Promise<unknown>;

/** Whatever may be done in a tenant, always with the same few ids. */
const deeds: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ id: fc.constantFrom(...EXECUTIONS), key: fc.constantFrom("k", undefined), mark: fc.nat(9) }).map(
    ({ id, key, mark }): Deed =>
      (store, tenantId) =>
        store
          .accept({
            tenantId,
            executionId: id,
            sessionId: SESSION,
            intentType: "test.intent",
            createdMs: NOW,
            workerId: testIds.worker(),
            intent: { mark },
            state: patch("running"),
            idempotency: key === undefined ? undefined : { key, digest: `${mark % 2}`, expiresMs: NOW + HOUR },
            requires: { kind: "session", id: SESSION, atMs: NOW, prolongToMs: NOW + mark },
            change: { ...NOTHING, log: [entry({ sessionId: SESSION, executionId: id }, 1)] },
          })
          .catch(() => "refused: this id exists"),
  ),
  fc.record({ id: fc.constantFrom(...EXECUTIONS), epoch: fc.integer({ min: 1, max: 3 }), done: fc.boolean() }).map(
    ({ id, epoch, done }): Deed =>
      (store, tenantId) =>
        store.commit({
          tenantId,
          executionId: id,
          epoch,
          state: patch(done ? "completed" : "running", { head: { epoch, done } }),
          readMail: [],
          change: NOTHING,
        }),
  ),
  fc.constantFrom(...EXECUTIONS).map(
    (id): Deed =>
      (store, tenantId) =>
        store.claim({ tenantId, executionId: id, workerId: testIds.worker(), nowMs: NOW, deadAfterMs: DEAD_AFTER }),
  ),
  fc.record({ id: fc.constantFrom("a", "b"), expectedVersion: fc.nat(2), remove: fc.boolean() }).map(
    ({ id, expectedVersion, remove }): Deed =>
      (store, tenantId) =>
        store.write(tenantId, {
          ...NOTHING,
          records: [record(id, { expectedVersion, body: remove ? undefined : { expectedVersion } })],
        }),
  ),
);

const deedsByTenant = fc.array(fc.record({ deed: deeds, rivals: fc.boolean() }), { maxLength: 25 });

async function seen(store: ExecutionStore, tenantId: TenantId) {
  return {
    executions: await Promise.all(EXECUTIONS.map((id) => store.readExecution(tenantId, id))),
    listed: (await store.listExecutions(tenantId, {}, PAGE)).items,
    bySession: (await store.listExecutions(tenantId, { sessionId: SESSION, live: true }, PAGE)).items,
    log: (await store.readLog(tenantId, { order: "chronological" }, PAGE)).items,
    logs: await Promise.all(
      EXECUTIONS.map((executionId) => store.readLog(tenantId, { executionId, order: "newest" }, PAGE)),
    ),
    things: await store.listRecords(tenantId, "thing", "all", PAGE),
    session: await store.readRecord(tenantId, "session", SESSION),
  };
}

/** S7: nothing of a tenant is read, listed, counted or changed through another tenant. */
export function describeIsolation(open: OpenStore): void {
  describe("isolation", () => {
    it("S7: a tenant that works with the same ids sees and does exactly what it would alone", async () => {
      await fc.assert(
        fc.asyncProperty(deedsByTenant, async (history) => {
          await using shared = await begin(open);
          await using alone = await begin(open);
          for (const tenantId of [shared.tenantId, OTHER]) await openSession(shared.store, tenantId, SESSION);
          await openSession(alone.store, alone.tenantId, SESSION);
          for (const { deed, rivals } of history) {
            const outcome = await deed(shared.store, rivals ? OTHER : shared.tenantId);
            if (!rivals) expect(outcome).toEqual(await deed(alone.store, alone.tenantId));
          }
          const own = await seen(shared.store, shared.tenantId);
          expect(own).toEqual(await seen(alone.store, alone.tenantId));
        }),
        { numRuns: 25 },
      );
    });

    it("S7: an unknown tenant finds nothing of another's, by any read", async () => {
      await using on = await begin(open);
      const executionId = await filled(on);
      const { store } = on;
      expect(await store.readExecution(OTHER, executionId)).toBeUndefined();
      expect((await store.listExecutions(OTHER, {}, PAGE)).items).toEqual([]);
      expect((await store.listExecutions(OTHER, { sessionId: on.sessionId }, PAGE)).items).toEqual([]);
      for (const filter of [{}, { executionId }, { sessionId: on.sessionId }, { eventType: "step_started" }]) {
        expect((await store.readLog(OTHER, { ...filter, order: "newest" }, PAGE)).items).toEqual([]);
      }
      expect(await store.readRecord(OTHER, "thing", "r")).toBeUndefined();
      expect(await store.listRecords(OTHER, "thing", "all", PAGE)).toMatchObject({ items: [], total: 0 });
    });

    it("S7: an unknown tenant can change nothing of another's", async () => {
      await using on = await begin(open);
      const executionId = await filled(on);
      const { store, tenantId, workerId } = on;
      const before = await store.readExecution(tenantId, executionId);
      const ref = { tenantId: OTHER, executionId };
      expect(await store.claim({ ...ref, workerId, nowMs: NOW, deadAfterMs: DEAD_AFTER })).toEqual({
        outcome: "absent",
      });
      expect(await store.commit({ ...ref, epoch: 1, state: patch("failed"), change: NOTHING, readMail: [] })).toEqual({
        outcome: "fenced",
      });
      expect(await store.accept(on.acceptance({ tenantId: OTHER }))).toEqual({ outcome: "requirement_unmet" });
      const removal = record("r", { expectedVersion: 1, body: undefined });
      expect(await store.write(OTHER, { ...NOTHING, records: [removal] })).toMatchObject({ outcome: "conflict" });
      expect(await store.readExecution(tenantId, executionId)).toEqual(before);
      expect(await store.readRecord(tenantId, "thing", "r")).toBeDefined();
    });

    it("S7: a cursor of one tenant shows another nothing of the first", async () => {
      await using on = await begin(open);
      for (let n = 0; n < 4; n += 1) await on.admit();
      await on.write({ records: [1, 2, 3, 4].map((n) => record(`r${n}`, { sortMs: NOW + n })) });
      await on.write({ log: [1, 2, 3, 4].map((n) => entry({ sessionId: on.sessionId }, n)) });
      const { store, tenantId } = on;
      const reads = [
        (tenant: TenantId, cursor?: string) => store.listExecutions(tenant, {}, { limit: 2, cursor }),
        (tenant: TenantId, cursor?: string) => store.listRecords(tenant, "thing", "all", { limit: 2, cursor }),
        (tenant: TenantId, cursor?: string) => store.readLog(tenant, { order: "newest" }, { limit: 2, cursor }),
      ];
      for (const read of reads) {
        const { nextCursor } = await read(tenantId);
        expect(nextCursor).toBeDefined();
        expect((await read(OTHER, nextCursor)).items).toEqual([]);
      }
    });
  });
}

async function filled(on: Scenario) {
  const executionId = testIds.execution();
  const log = [entry({ sessionId: on.sessionId, executionId }, 1)];
  return on.admit({ executionId, change: { ...NOTHING, records: [record("r")], log } });
}
