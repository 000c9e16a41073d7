import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { createTcpConnection } from "../../infra/adapters/redis/tcp-connection.ts";
import { countingCommands, noOperations } from "../../infra/dev/cost/operations.ts";
import type { ExecutionId } from "../../shared/ids.ts";
import type { ExecutionStore, LogRow } from "../../shared/ports/execution-store.ts";
import { testIds } from "../kit/runtime.ts";
import { withParts } from "../kit/parts.ts";
import { DEAD_AFTER, NOTHING, NOW, patch, record } from "./execution-store/scenario.ts";
import { sealedRows, tieredOver } from "./tiered-kit.ts";
import { tieredLab, type TieredScene } from "./tiered-lab.ts";

/** Commits that share an announcement, under every fault; cited are the invariants of infra/adapters/tiered/spans.ts. */

const SPAN = { spanMs: 60_000 };

withParts(["redis"], () => {
  const lab = tieredLab();

  /** A saga of four commits by `store`; `between` is called after each, with the rows that are committed. */
  const saga = async (
    { on }: TieredScene,
    store: ExecutionStore,
    between: (executionId: ExecutionId, rows: readonly LogRow[], n: number) => Promise<unknown> = () =>
      Promise.resolve(),
    executionId = testIds.execution(),
  ) => {
    const owner = { tenantId: on.tenantId, sessionId: on.sessionId, executionId };
    const rows = sealedRows(owner, 8);
    const change = (n: number) => ({ ...NOTHING, log: rows.slice(2 * n, 2 * n + 2) });
    const accepted = await store.accept(on.acceptance({ executionId, change: change(0) }));
    expect(accepted).toMatchObject({ outcome: "accepted" });
    await between(executionId, rows.slice(0, 2), 0);
    for (let n = 1; n <= 3; n += 1) {
      const state = patch(n === 3 ? "completed" : "running", { head: { n }, steps: [{ position: n, body: { n } }] });
      const ref = { tenantId: on.tenantId, executionId, epoch: 1 };
      const release = n === 3 ? { wakeAtMs: undefined } : undefined;
      const committed = await store.commit({ ...ref, state, change: change(n), readMail: [], release });
      expect(committed).toMatchObject({ outcome: "committed" });
      await between(executionId, rows.slice(0, 2 * n + 2), n);
    }
    return { executionId, rows };
  };
  const texts = (rows: readonly LogRow[]) => rows.map(({ text }) => text);

  describe("the span of an execution's commits", () => {
    it("costs two commands, whatever their number", async () => {
      const here = await lab.scene(SPAN);
      await here.warm();
      const counts = noOperations();
      const redis = countingCommands(createTcpConnection(lab.url()), counts);
      const { store } = tieredOver(redis, { cold: here.cold, times: SPAN });
      await saga(here, store);
      expect(counts.redisCommands).toBe(2);
      // What this process has announced it looks for in the cold store alone.
      await saga(here, store, async (executionId, _, n) => {
        if (n < 3) await store.readExecution(here.on.tenantId, executionId);
      });
      expect(counts.redisCommands).toBe(4);
      await redis.close();
    });

    it("N1: a reader in another process is never behind what was answered; after the end Redis answers", async () => {
      const here = await lab.scene(SPAN);
      await here.warm();
      const reader = here.other();
      const { tenantId, sessionId } = here.on;
      const { executionId, rows } = await saga(here, here.on.store, async (id, committed) => {
        expect(await reader.readExecution(tenantId, id)).toEqual(await here.cold.readExecution(tenantId, id));
        for (const filter of [{}, { executionId: id }, { sessionId }, { eventType: "step_started" }]) {
          const page = await reader.readLog(tenantId, { ...filter, order: "newest" }, { limit: 50 });
          const expected = await here.cold.readLog(tenantId, { ...filter, order: "newest" }, { limit: 50 });
          expect({ filter, items: page.items.toSorted() }).toEqual({ filter, items: expected.items.toSorted() });
        }
        const { items } = await reader.readLog(tenantId, { executionId: id, order: "chronological" }, { limit: 50 });
        expect(items).toEqual(texts(committed));
      });
      Object.assign(here.counts, { executions: 0, log: 0 });
      expect(await reader.readExecution(tenantId, executionId)).toEqual(
        await here.cold.readExecution(tenantId, executionId),
      );
      expect(await here.readAll(reader)).toEqual(texts(rows));
      expect(here.counts).toMatchObject({ executions: 0, log: 0 });
    });

    it("N1: neither is one of a record that is changed on the way, and of what others change meanwhile", async () => {
      const here = await lab.scene(SPAN);
      const { on, cold } = here;
      await on.write({ records: [record("r")] });
      const reader = here.other();
      const agree = async () =>
        expect(await reader.readRecord(on.tenantId, "thing", "r")).toEqual(
          await cold.readRecord(on.tenantId, "thing", "r"),
        );
      await agree();
      const executionId = await on.admit();
      const change = (version: number) => ({ ...NOTHING, records: [record("r", { expectedVersion: version })] });
      expect(await on.commit(executionId, { change: change(1) })).toMatchObject({ outcome: "committed" });
      await agree();
      expect(await here.other().write(on.tenantId, change(2))).toEqual({ outcome: "written" });
      await agree();
      expect(await on.commit(executionId, { change: change(2) })).toMatchObject({ outcome: "conflict" });
      await agree();
      expect(await on.commit(executionId, { change: change(3), state: patch("completed") })).toMatchObject({
        outcome: "committed",
      });
      for (let look = 0; look < 3; look += 1) await agree();
    });

    it("N2, N3: it is told by itself in time, and takes no commit on after that", async () => {
      const here = await lab.scene({ spanMs: 150 });
      await here.warm();
      const { on } = here;
      const owner = { tenantId: on.tenantId, sessionId: on.sessionId, executionId: testIds.execution() };
      const rows = sealedRows(owner, 4);
      await on.admit({ ...owner, change: { ...NOTHING, log: rows.slice(0, 2) } });
      await here.warm();
      const reader = here.other();
      here.counts.log = 0;
      expect(await here.readAll(reader)).toEqual(texts(rows.slice(0, 2)));
      expect(here.counts.log).toBe(0);
      await on.commit(owner.executionId, { change: { ...NOTHING, log: rows.slice(2) } });
      expect(await here.readAll(reader)).toEqual(texts(rows));
      await here.warm();
      expect(await here.readAll(reader)).toEqual(texts(rows));
    });

    it("N4: a holder that dies within leaves the truth to readers at once, and Redis complete once nothing can land", async () => {
      const here = await lab.scene({ ...SPAN, inDoubtMs: 400 });
      await here.warm();
      const { on, cold } = here;
      const executionId = testIds.execution();
      await here.doomed("dies after", (store) => saga(here, store, undefined, executionId));
      const reader = here.other();
      const rows = (await cold.readLog(on.tenantId, { executionId, order: "chronological" }, { limit: 9 })).items;
      expect(rows).toHaveLength(4);
      expect(await here.readAll(reader)).toEqual(rows);
      expect((await reader.readExecution(on.tenantId, executionId))?.head).toEqual({ n: 1 });
      await sleep(450);
      await here.warm();
      expect(await here.readAll(reader)).toEqual(rows);
      expect((await reader.readExecution(on.tenantId, executionId))?.head).toEqual({ n: 1 });
    });

    it("T3: what its holder tells late, after another has taken the execution over, brings nothing old back", async () => {
      const here = await lab.scene(SPAN);
      const { on, cold } = here;
      const executionId = await on.admit({ state: patch("running", { head: { n: 0 } }) });
      await on.store.retire(on.workerId);
      const other = here.other();
      const claim = {
        tenantId: on.tenantId,
        executionId,
        workerId: testIds.worker(),
        nowMs: NOW,
        deadAfterMs: DEAD_AFTER,
      };
      expect(await other.claim(claim)).toMatchObject({ outcome: "claimed", epoch: 2 });
      const ref = { tenantId: on.tenantId, executionId, epoch: 2, readMail: [], change: NOTHING };
      await other.commit({ ...ref, state: patch("running", { head: { n: 1 } }) });
      expect(await on.commit(executionId, { state: patch("running", { head: { n: 9 } }) })).toEqual({
        outcome: "fenced",
      });
      await other.commit({ ...ref, state: patch("completed", { head: { n: 2 } }), release: { wakeAtMs: undefined } });
      for (const reader of [on.store, other, here.other()]) {
        expect(await reader.readExecution(on.tenantId, executionId)).toEqual(
          await cold.readExecution(on.tenantId, executionId),
        );
      }
    });

    it("T4: a wipe within it leaves readers with the truth, during it and after", async () => {
      // Longer than a span and its commits, as always: whatever was announced before the wipe has come by then.
      const here = await lab.scene({ spanMs: 200, restMs: 700 });
      await sleep(750);
      await here.warm();
      const reader = here.other();
      const { rows } = await saga(here, here.on.store, async (id, committed, n) => {
        if (n === 1) await lab.admin.flushall();
        const { items } = await reader.readLog(
          here.on.tenantId,
          { executionId: id, order: "chronological" },
          { limit: 9 },
        );
        expect(items).toEqual(texts(committed));
        expect(await reader.readExecution(here.on.tenantId, id)).toEqual(
          await here.cold.readExecution(here.on.tenantId, id),
        );
      });
      await sleep(750);
      await here.warm();
      expect(await here.readAll(reader)).toEqual(texts(rows));
    });

    it("goes on while Redis is away, and readers of before and after have the truth", async () => {
      const here = await lab.scene(SPAN);
      await here.warm();
      const reader = here.other();
      const { executionId, rows } = await saga(here, here.on.store, async (_, __, n) => {
        if (n === 0) await lab.killRedis();
      });
      await lab.restartRedis();
      await expect
        .poll(
          () =>
            reader.ping().then(
              () => "back",
              () => "away",
            ),
          { timeout: 5_000 },
        )
        .toBe("back");
      expect(await here.readAll(reader)).toEqual(texts(rows));
      expect((await reader.readExecution(here.on.tenantId, executionId))?.head).toEqual({ n: 3 });
    });

    it("is told when its store is closed", async () => {
      const here = await lab.scene(SPAN);
      await here.warm();
      const leaving = here.other();
      const owner = { tenantId: here.on.tenantId, sessionId: here.on.sessionId, executionId: testIds.execution() };
      await leaving.accept(here.on.acceptance({ ...owner, change: { ...NOTHING, log: sealedRows(owner, 2) } }));
      expect(await lab.admin.hlen("hot:{acme}:open")).toBe(1);
      await leaving.close();
      expect(await lab.admin.hlen("hot:{acme}:open")).toBe(0);
    });
  });
});
