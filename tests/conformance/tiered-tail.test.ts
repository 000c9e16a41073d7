import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import type { ExecutionStore, LogFilter, LogRow } from "../../shared/ports/execution-store.ts";
import type { Page, PageRequest } from "../../shared/ports/paging.ts";
import { testIds } from "../kit/runtime.ts";
import { allPages, NOTHING, NOW } from "./execution-store/scenario.ts";
import { sealedRows } from "./tiered-kit.ts";
import { withParts } from "../kit/parts.ts";
import { tieredLab, type TieredScene } from "./tiered-lab.ts";

/** The log in two tiers under every fault; cited are the invariants of infra/adapters/tiered. */

withParts(["redis"], () => {
  const lab = tieredLab();

  describe("the tail of the log", () => {
    const session = ({ on }: TieredScene) => ({ tenantId: on.tenantId, sessionId: on.sessionId });
    const texts = (rows: readonly LogRow[]) => rows.map(({ text }) => text);

    it("L1: answers from Redis, in both orders, with every filter, what the cold log would answer", async () => {
      const here = await lab.scene();
      await here.on.write({ log: sealedRows(session(here), 30) });
      await here.warm();
      const executionId = testIds.execution();
      const rows = sealedRows({ ...session(here), executionId }, 40, { atMs: NOW + 5, gapMs: 0 });
      await here.on.admit({ executionId, change: { ...NOTHING, log: rows.slice(0, 3) } });
      for (let n = 3; n < 40; n += 1) {
        await here.on.commit(executionId, { change: { ...NOTHING, log: rows.slice(n, n + 1) } });
      }
      here.counts.log = 0;
      const filters: Omit<LogFilter, "order">[] = [
        {},
        { executionId },
        { executionId, afterSequence: 17 },
        { sessionId: here.on.sessionId, eventType: "step_started" },
        { fromMs: NOW + 3, toMs: NOW + 9 },
      ];
      for (const filter of filters) {
        for (const order of ["newest", "chronological"] as const) {
          const read = (store: ExecutionStore) =>
            allPages((page) => store.readLog(here.on.tenantId, { ...filter, order }, page), 7);
          const found = await read(here.on.store);
          expect(found.toSorted()).toEqual((await read(here.cold)).toSorted());
          expect(found.length).toBeGreaterThan(0);
        }
      }
      expect(here.counts.log).toBe(0);
      expect(
        await allPages((page) => here.on.store.readLog(here.on.tenantId, { executionId, order: "newest" }, page), 7),
      ).toEqual(texts(rows).toReversed());
    });

    it.each(["newest", "chronological"] as const)(
      "L2, L3: pages, %s first, cross from Redis to the cold log without a gap or a repeat, also when the tail is trimmed or wiped between them",
      async (order) => {
        const here = await lab.scene({ tailEntries: 50 });
        await here.warm();
        // Seven entries a millisecond, so that pages end within one.
        const rows = sealedRows(session(here), 200, { gapMs: 1 / 7 });
        for (let n = 0; n < 140; n += 20) await here.on.write({ log: rows.slice(n, n + 20) });
        const expected = texts(rows.slice(0, 140));
        if (order === "newest") expected.reverse();
        let turn = 0;
        const found = await allPages(
          (page) => here.on.store.readLog(here.on.tenantId, { order, toMs: NOW + 20 }, page),
          9,
          async () => {
            turn += 1;
            if (turn === 2) await here.on.write({ log: rows.slice(140) });
            if (turn === 4) await lab.admin.flushall();
          },
        );
        expect(new Set(found).size).toBe(found.length);
        expect(found.toSorted()).toEqual(expected.toSorted());
      },
    );

    it("keeps the last 10,000 entries of a tenant, answers those from Redis, and goes on with the older ones in the cold log", async () => {
      const here = await lab.scene();
      await here.warm();
      const rows = sealedRows(session(here), 10_300);
      for (let n = 0; n < rows.length; n += 300) await here.on.write({ log: rows.slice(n, n + 300) });
      expect(await lab.admin.zcard("hot:{acme}:tail")).toBe(10_000);
      expect(await lab.admin.hlen("hot:{acme}:text")).toBe(10_000);
      const indexes = await lab.admin.keys("hot:{acme}:state:*:[ts]:*");
      const sizes = await Promise.all(indexes.map((index) => lab.admin.zcard(index)));
      // One session, and two types.
      expect(sizes.toSorted((a, b) => a - b)).toEqual([3_334, 6_666, 10_000]);
      here.counts.log = 0;
      const read = (page: PageRequest) => here.on.store.readLog(here.on.tenantId, { order: "newest" }, page);
      let cursor: string | undefined;
      const found: string[] = [];
      for (let n = 0; n < 10; n += 1) {
        const page: Page<string> = await read({ limit: 1_000, cursor });
        found.push(...page.items);
        cursor = page.nextCursor;
      }
      expect(here.counts.log).toBe(0);
      const rest = await read({ limit: 1_000, cursor });
      expect(here.counts.log).toBe(1);
      expect([...found, ...rest.items]).toEqual(texts(rows).toReversed());
      expect(rest.nextCursor).toBeUndefined();
    }, 60_000);

    it("K1: is filled from the cold log after a wipe, while commits go on, and lacks none of them", async () => {
      const here = await lab.scene({ tailEntries: 400 });
      const rows = sealedRows(session(here), 900);
      await here.cold.write(here.on.tenantId, { ...NOTHING, log: rows.slice(0, 800) });
      await lab.admin.flushall();
      for (let n = 800; n < 900; n += 1) {
        await here.on.write({ log: rows.slice(n, n + 1) });
        await here.on.store.readLog(here.on.tenantId, { order: "newest" }, { limit: 1 });
      }
      await here.warm();
      here.counts.log = 0;
      const page = await here.on.store.readLog(here.on.tenantId, { order: "newest" }, { limit: 300 });
      expect(page.items).toEqual(texts(rows.slice(600)).toReversed());
      expect(here.counts.log).toBe(0);
      expect(await here.readAll()).toEqual(texts(rows));
    });

    it.each(["dies before", "dies after"] as const)(
      "K2: the entries of a writer that %s the cold store has decided are missing to nobody, and soon Redis answers again",
      async (fate) => {
        const here = await lab.scene({ youngMs: 100, inDoubtMs: 500 });
        await here.warm();
        const rows = sealedRows(session(here), 4);
        await here.on.write({ log: rows.slice(0, 2) });
        await here.doomed(fate, (store) => store.write(here.on.tenantId, { ...NOTHING, log: rows.slice(2) }));
        await sleep(110);
        const expected = texts(fate === "dies after" ? rows : rows.slice(0, 2));
        expect(await here.readAll()).toEqual(expected);
        await here.warm();
        expect(await here.readAll()).toEqual(expected);
        expect(await here.readAll(here.on.store, "newest")).toEqual(expected.toReversed());
      },
    );

    it("K2: an entry whose place another writer took is forgotten at once", async () => {
      const here = await lab.scene({ youngMs: 50 });
      await here.warm();
      const [lost = [], won = []] = [1, 2].map(() => sealedRows(session(here), 2));
      await here.doomed("dies before", (store) => store.write(here.on.tenantId, { ...NOTHING, log: lost }));
      await here.on.write({ log: won });
      await sleep(60);
      expect(await here.readAll()).toEqual(texts(won));
      await here.warm();
      expect(await here.readAll()).toEqual(texts(won));
    });

    it("T1: a commit whose news did not reach Redis is answered only when readers of the log know to ask the cold one", async () => {
      const here = await lab.scene({ youngMs: 300 });
      await here.warm();
      const reader = here.other();
      const rows = sealedRows(session(here), 1);
      const announced = here.between();
      const beganMs = performance.now();
      const writing = here.on.write({ log: rows });
      await announced;
      await lab.killRedis();
      here.goOn();
      const outcome = await Promise.race([writing, sleep(100, "not answered yet")]);
      expect(outcome).toBe("not answered yet");
      expect(await writing).toEqual({ outcome: "written" });
      expect(performance.now() - beganMs).toBeGreaterThan(300);
      await lab.restartRedis();
      expect((await reader.readLog(here.on.tenantId, { order: "newest" }, { limit: 1 })).items).toEqual(texts(rows));
    });

    it("L1: a tail that lost a part in Redis is found out and filled anew", async () => {
      const here = await lab.scene();
      await here.warm();
      const rows = sealedRows(session(here), 20);
      await here.on.write({ log: rows });
      await lab.admin.del("hot:{acme}:text");
      expect(await here.readAll()).toEqual(texts(rows));
      await here.warm();
      expect(await here.readAll()).toEqual(texts(rows));
    });
  });
});
