import { describe, expect, it } from "vitest";

import { testIds } from "../../kit/runtime.ts";
import { begin, DEAD_AFTER, everything, message, NOTHING, NOW, type OpenStore, record } from "./scenario.ts";

/** How the store answers bad cursors, and how it behaves at the end of its life. */
export function describeReach(open: OpenStore): void {
  describe("cursors", () => {
    const bad = [
      "",
      "!",
      "garbage",
      "bnVsbA",
      Buffer.from("[]").toString("base64url"),
      "e30",
      "WyJ4Il0",
      "9".repeat(500),
    ];

    it.each(bad)("a cursor that no page gave is refused: %j", async (cursor) => {
      await using on = await begin(open);
      const page = { limit: 5, cursor };
      const refusal = { code: "cursor.invalid", status: 422, faults: [{ path: "cursor" }] };
      await expect(on.store.listExecutions(on.tenantId, {}, page)).rejects.toMatchObject(refusal);
      await expect(on.store.listRecords(on.tenantId, "thing", "all", page)).rejects.toMatchObject(refusal);
      await expect(on.store.readLog(on.tenantId, { order: "newest" }, page)).rejects.toMatchObject(refusal);
    });
  });

  describe("a store that cannot be reached", () => {
    it("rejects every call with store.unavailable, and never answers emptily", async () => {
      await using on = await begin(open);
      const { store, tenantId, workerId } = on;
      const executionId = await on.admit();
      await store.close();
      const page = { limit: 5 };
      const calls: Record<string, () => Promise<unknown>> = {
        accept: () => store.accept(on.acceptance()),
        claim: () => on.claim(executionId),
        commit: () => on.commit(executionId),
        write: () => on.write({ records: [record("x")] }),
        readExecution: () => store.readExecution(tenantId, executionId),
        listExecutions: () => store.listExecutions(tenantId, {}, page),
        readLog: () => store.readLog(tenantId, { order: "newest" }, page),
        readLogOfExecution: () => store.readLog(tenantId, { executionId, order: "newest" }, page),
        readRecord: () => store.readRecord(tenantId, "thing", "x"),
        listRecords: () => store.listRecords(tenantId, "thing", "all", page),
        unpublished: () => store.unpublished(5),
        markPublished: () => store.markPublished([testIds.event()], NOW),
        beat: () => store.beat(workerId, NOW),
        retire: () => store.retire(workerId),
        abandoned: () => store.abandoned({ nowMs: NOW, deadAfterMs: DEAD_AFTER, limit: 5 }),
        purge: () => store.purge({ nowMs: NOW, publishedBeforeMs: NOW }),
        ping: () => store.ping(),
      };
      for (const [name, call] of Object.entries(calls)) {
        const outcome = await call().then(
          (answer) => ({ answer }),
          (error: unknown) => ({ error }),
        );
        const error = { code: "store.unavailable", retryable: true, status: 503 };
        expect({ name, ...outcome }).toMatchObject({ name, error });
      }
    });

    it("closing waits for what was asked before, and may be repeated", async () => {
      await using on = await begin(open);
      const asked = on.write({ records: [record("x")] });
      await on.store.close();
      await on.store.close();
      expect(await asked).toEqual({ outcome: "written" });
    });

    it("answers a ping while it can be reached", async () => {
      await using on = await begin(open);
      await expect(on.store.ping()).resolves.toBeUndefined();
    });
  });

  describe("a store that lasts", () => {
    it("S1: has after a restart all that it had before", async (test) => {
      await using on = await begin(open);
      if (on.reopen === undefined) return test.skip("this store does not outlive its process");
      const change = { ...NOTHING, records: [record("r")], outbox: [message(on.tenantId)], mail: [] };
      const executionId = await on.admit({ change });
      const before = await everything(on.store, on.tenantId, [executionId]);
      const store = await on.reopen();
      expect(await everything(store, on.tenantId, [executionId])).toEqual(before);
      const claim = { tenantId: on.tenantId, executionId, nowMs: NOW, deadAfterMs: DEAD_AFTER };
      expect(await store.claim({ ...claim, workerId: testIds.worker() })).toEqual({ outcome: "held" });
      expect(await store.claim({ ...claim, workerId: on.workerId })).toMatchObject({ outcome: "claimed", epoch: 2 });
    });
  });
}
