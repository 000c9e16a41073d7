import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { createGate } from "../kit/gate.ts";
import { NOTHING, patch, record } from "./execution-store/scenario.ts";
import { openTiered } from "./tiered-kit.ts";
import { withParts } from "../kit/parts.ts";
import { tieredLab } from "./tiered-lab.ts";

/** Copies in Redis under every fault; cited are the invariants of infra/adapters/tiered/strict-tier.ts. */

withParts(["redis"], () => {
  const lab = tieredLab();

  describe("copies of executions and records", () => {
    it("T2: are read from Redis once they are written, and never behind what was answered", async () => {
      const { on, counts, other } = await lab.scene();
      const executionId = await on.admit({ state: patch("running", { steps: [{ position: 0, body: { n: 0 } }] }) });
      const reader = other();
      for (let n = 1; n <= 5; n += 1) {
        await on.commit(executionId, {
          state: patch("running", { head: { n }, steps: [{ position: n, body: { n } }] }),
        });
        expect(await reader.readExecution(on.tenantId, executionId)).toEqual(createSnapshot(n));
      }
      await on.write({ records: [record("r")] });
      await on.write({ records: [record("r", { expectedVersion: 1, body: { again: true } })] });
      expect(await reader.readRecord(on.tenantId, "thing", "r")).toMatchObject({ version: 2, body: { again: true } });
      expect(counts).toMatchObject({ executions: 0, records: 0 });
    });

    it("T3: a record that was deleted does not come back from Redis", async () => {
      const { on, other } = await lab.scene();
      await on.write({ records: [record("r")] });
      await on.write({ records: [record("r", { expectedVersion: 1, body: undefined })] });
      expect(await other().readRecord(on.tenantId, "thing", "r")).toBeUndefined();
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toBeUndefined();
    });

    it.each(["dies before", "dies after"] as const)(
      "T1: a writer that %s the cold store has decided leaves readers with the truth, at once and later",
      async (fate) => {
        const { on, other, cold, doomed } = await lab.scene({ inDoubtMs: 400 });
        await on.write({ records: [record("r")] });
        const executionId = await on.admit();
        const ref = { tenantId: on.tenantId, executionId, epoch: 1 };
        const records = [record("r", { expectedVersion: 1, body: { second: true } })];
        await doomed(fate, (store) => store.write(on.tenantId, { ...NOTHING, records }));
        await doomed(fate, (store) =>
          store.commit({ ...ref, state: patch("running", { head: { second: true } }), change: NOTHING, readMail: [] }),
        );
        const reader = other();
        const agree = async () => {
          expect(await reader.readRecord(on.tenantId, "thing", "r")).toEqual(
            await cold.readRecord(on.tenantId, "thing", "r"),
          );
          expect(await reader.readExecution(on.tenantId, executionId)).toEqual(
            await cold.readExecution(on.tenantId, executionId),
          );
        };
        expect(await cold.readRecord(on.tenantId, "thing", "r")).toMatchObject({
          version: fate === "dies after" ? 2 : 1,
        });
        for (let look = 0; look < 3; look += 1) await agree();
        await sleep(450);
        for (let look = 0; look < 3; look += 1) await agree();
      },
    );

    it("T3: a copy that an older read would fill after a newer commit is not filled", async () => {
      const { on, cold } = await lab.scene();
      await cold.write(on.tenantId, { ...NOTHING, records: [record("r")] });
      const slow = createGate();
      const { store: reader } = openTiered({
        cold: {
          ...cold,
          readRecord: async (...args) => {
            const found = await cold.readRecord(...args);
            await slow.pass();
            return found;
          },
        },
        redisUrl: lab.url(),
      });
      const reading = reader.readRecord(on.tenantId, "thing", "r");
      await expect.poll(() => slow.arrived).toBe(1);
      await on.write({ records: [record("r", { expectedVersion: 1, body: { second: true } })] });
      slow.open();
      expect(await reading).toMatchObject({ version: 1 });
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toMatchObject({ version: 2 });
    });

    it("T4: after FLUSHALL in the middle of commits, late news of them bring nothing old back", async () => {
      const { on, cold, other } = await lab.scene();
      const executionId = await on.admit();
      for (let n = 1; n <= 30; n += 1) {
        const wiped = n % 3 === 0 ? lab.admin.flushall() : undefined;
        await Promise.all([
          wiped,
          on.commit(executionId, { state: patch("running", { head: { n } }) }),
          on.store.readExecution(on.tenantId, executionId),
        ]);
        expect(await other().readExecution(on.tenantId, executionId)).toEqual(
          await cold.readExecution(on.tenantId, executionId),
        );
      }
    });

    it("T4: a copy that Redis brings back from before a restart is not served", async () => {
      const { on, cold, counts, other } = await lab.scene();
      await on.write({ records: [record("r")] });
      const reader = other();
      await reader.readRecord(on.tenantId, "thing", "r");
      expect(counts.records).toBe(0);
      await lab.killRedis();
      // Written while Redis was away, as if Redis had forgotten that it was told.
      await cold.write(on.tenantId, { ...NOTHING, records: [record("r", { expectedVersion: 1, body: { n: 2 } })] });
      await lab.restartRedis();
      await expect
        .poll(async () => (await reader.readRecord(on.tenantId, "thing", "r"))?.version, { timeout: 5_000 })
        .toBe(2);
      await expect
        .poll(
          async () => {
            const before = counts.records;
            expect(await reader.readRecord(on.tenantId, "thing", "r")).toMatchObject({ version: 2 });
            return counts.records - before;
          },
          { timeout: 5_000 },
        )
        .toBe(0);
    });

    it("T4: nothing is trusted while commits from before a wipe may still land", async () => {
      const { on, counts, other } = await lab.scene({ restMs: 600 });
      await on.write({ records: [record("r")] });
      await other().readRecord(on.tenantId, "thing", "r");
      expect(counts.records).toBe(1);
      await sleep(650);
      await other().readRecord(on.tenantId, "thing", "r");
      expect(counts.records).toBe(1);
    });
  });

  describe("while Redis is away", () => {
    it("reads are answered by the cold store, changes are refused as retryable, readiness names it, and all of it ends by itself", async () => {
      const { on, logged, cold } = await lab.scene();
      await on.write({ records: [record("r")] });
      const executionId = await on.admit();
      await lab.killRedis();
      const away = { code: "store.unavailable", status: 503, retryable: true };
      await expect(on.write({ records: [record("s")] })).rejects.toMatchObject(away);
      await expect(on.commit(executionId)).rejects.toMatchObject(away);
      await expect(on.store.accept(on.acceptance())).rejects.toMatchObject(away);
      await expect(on.store.ping()).rejects.toMatchObject({
        code: "hot_tier.unavailable",
        status: 503,
        retryable: true,
      });
      expect(await on.store.readRecord(on.tenantId, "thing", "r")).toMatchObject({ version: 1 });
      expect(await on.store.readExecution(on.tenantId, executionId)).toMatchObject({ epoch: 1 });
      expect((await on.store.readLog(on.tenantId, { order: "newest" }, { limit: 5 })).items).toEqual([]);
      expect(await cold.readRecord(on.tenantId, "thing", "s")).toBeUndefined();
      await lab.restartRedis();
      await expect
        .poll(
          () =>
            on.store.ping().then(
              () => "ready",
              () => "not yet",
            ),
          { timeout: 5_000 },
        )
        .toBe("ready");
      expect(await on.write({ records: [record("s")] })).toEqual({ outcome: "written" });
      const said = logged.map(({ message }) => String(message)).filter((message) => message.includes("hot tier"));
      expect(said).toEqual([expect.stringContaining("is away"), expect.stringContaining("is back")]);
    });
  });
});

function createSnapshot(n: number) {
  return {
    epoch: 1,
    intent: { asked: "for something" },
    head: { n },
    steps: Array.from({ length: n + 1 }, (_, position) => ({ position, body: { n: position } })),
  };
}
