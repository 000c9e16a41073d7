import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { asId, type SessionId } from "../../shared/ids.ts";
import type { ExecutionFilter, LogFilter, LogRow } from "../../shared/ports/execution-store.ts";
import { withParts } from "../kit/parts.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { testIds } from "../kit/runtime.ts";
import { allPages, begin, entry, NOW, openSession, patch, type Scenario } from "./execution-store/scenario.ts";

const TYPES = ["a", "b", "c"] as const;
const STATUSES = ["running", "suspended", "completed", "failed"] as const;
/** A bucket of time, in ms: see scripts/place.lua.ts. */
const BUCKET = 36;

/** How the indexes of Redis hold what many processes write at once: blocks of many places, and many blocks of one bucket of time. */
withParts(["redis"], () => {
  let parts: RedisParts;
  beforeAll(async () => {
    parts = await startRedisParts();
  });
  afterAll(() => parts[Symbol.asyncDispose]());
  const open = (): Promise<Scenario> =>
    begin(() => {
      const store = openRedisStore(parts.tcp());
      return Promise.resolve({ store, close: () => store.close() });
    });

  /** Writes entries of twenty sessions, and expects every way of reading to give them in the order of time and stream. */
  async function expectInOrder(times: readonly number[], readAfter: (written: number) => boolean): Promise<void> {
    await using on = await open();
    const sessions = Array.from({ length: 20 }, () => testIds.session());
    const lengths = new Map<SessionId, number>();
    const rows: LogRow[] = [];
    for (const [n, timestampMs] of times.entries()) {
      const sessionId = sessions[(n * 7) % sessions.length] ?? on.sessionId;
      const from = lengths.get(sessionId) ?? 0;
      const log = Array.from({ length: 1 + (n % 4) }, (_, at) =>
        entry({ sessionId }, from + at + 1, { timestampMs, eventType: TYPES[(n + (at >> 1)) % TYPES.length] ?? "a" }),
      );
      lengths.set(sessionId, from + log.length);
      rows.push(...log);
      expect(await on.write({ log })).toEqual({ outcome: "written" });
      if (readAfter(n)) await on.store.readLog(on.tenantId, { order: "newest" }, { limit: 1 });
    }
    rows.sort(
      (a, b) =>
        a.timestampMs - b.timestampMs ||
        (a.stream < b.stream ? -1 : Number(a.stream > b.stream)) ||
        a.sequence - b.sequence,
    );
    const middle = (Math.min(...times) + Math.max(...times)) >> 1;
    const filters: Omit<LogFilter, "order">[] = [
      {},
      { eventType: "b" },
      { sessionId: sessions[3] },
      { sessionId: sessions[3], eventType: "a" },
      { fromMs: NOW + 5, toMs: NOW + 5 * BUCKET + 7 },
      { eventType: "c", fromMs: middle },
    ];
    for (const filter of filters) {
      const { fromMs = 0, toMs = Number.POSITIVE_INFINITY, eventType, sessionId } = filter;
      const expected = rows
        .filter((row) => row.timestampMs >= fromMs && row.timestampMs < toMs)
        .filter((row) => (eventType ?? row.eventType) === row.eventType)
        .filter((row) => (sessionId ?? row.sessionId) === row.sessionId)
        .map(({ text }) => text);
      for (const limit of [7, 1_000]) {
        const read = (order: LogFilter["order"]) =>
          allPages((page) => on.store.readLog(on.tenantId, { ...filter, order }, page), limit);
        expect({ filter, found: await read("chronological") }).toEqual({ filter, found: expected });
        expect({ filter, found: await read("newest") }).toEqual({ filter, found: expected.toReversed() });
      }
    }
  }

  describe("the log's indexes", () => {
    it("S8: give entries in the order of time when the clocks of their writers differ by seconds", async () => {
      const skews = [0, 4_000, -7_000];
      const times = Array.from({ length: 600 }, (_, n) => NOW + 9 * n + (skews[n % skews.length] ?? 0));
      await expectInOrder(times, () => false);
    });

    it("S8: give entries of one bucket of time in their order, however many blocks it has", async () => {
      const times = Array.from({ length: 150 }, (_, n) => NOW + ((n * 5) % BUCKET));
      await expectInOrder(times, () => true);
    });

    it("S8: give entries of a thousand places of one millisecond page by page", async () => {
      await expectInOrder(
        Array.from({ length: 1_000 }, () => NOW),
        (n) => n % 300 === 299,
      );
    });
  });

  it("S8: the listings of executions hold what many commits moved, whenever somebody read in between", async () => {
    for (const readEach of [1, 5, 1_000]) {
      await using on = await open();
      const second = testIds.session();
      await openSession(on.store, on.tenantId, second);
      const made = new Map<string, { head: { n: number }; status: string; createdMs: number; sessionId: SessionId }>();
      const read = (filter: ExecutionFilter, limit: number) =>
        allPages((page) => on.store.listExecutions(on.tenantId, filter, page), limit);
      for (let n = 0; n < 400; n += 1) {
        const createdMs = NOW + ((n * 11) % 900);
        const sessionId = n % 5 === 0 ? second : on.sessionId;
        const head = { n };
        const executionId = await on.admit({ createdMs, sessionId, state: patch("running", { head }) });
        made.set(executionId, { head, status: "running", createdMs, sessionId });
        // Each execution goes through some statuses, later ones while others go through theirs.
        for (const [id, execution] of [...made].slice(-4)) {
          if (execution.status === "completed" || execution.status === "failed") continue;
          const status = STATUSES[(n + execution.head.n) % STATUSES.length] ?? "running";
          const state = patch(status, { head: execution.head });
          expect(await on.commit(asId.execution(id), { state })).toMatchObject({ outcome: "committed" });
          execution.status = status;
        }
        if (n % readEach === 0) await read({ live: true }, 1_000);
      }
      const newest = [...made].toSorted(([a, x], [b, y]) => y.createdMs - x.createdMs || (a < b ? 1 : -1));
      const live = (status: string) => status === "running" || status === "suspended";
      const expected = (wanted: (status: string, sessionId: SessionId) => boolean) =>
        newest.filter(([, { status, sessionId }]) => wanted(status, sessionId)).map(([, { head }]) => head);
      for (const limit of [3, 1_000]) {
        expect(await read({}, limit)).toEqual(expected(() => true));
        expect(await read({ live: true }, limit)).toEqual(expected(live));
        expect(await read({ sessionId: second }, limit)).toEqual(expected((_, sessionId) => sessionId === second));
        for (const status of STATUSES) expect(await read({ status }, limit)).toEqual(expected((own) => own === status));
      }
    }
  });
});
