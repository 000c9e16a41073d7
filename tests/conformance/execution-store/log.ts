import { describe, expect, it } from "vitest";

import type { ExecutionId, SessionId } from "../../../shared/ids.ts";
import type { LogFilter, LogRow } from "../../../shared/ports/execution-store.ts";
import { verifyChain } from "../../../shared/state/chain-verification.ts";
import { CHAIN_START, createSealer } from "../../../shared/state/log-entry.ts";
import { testIds } from "../../kit/runtime.ts";
import { allPages, begin, entry, NOTHING, NOW, type OpenStore, openSession, type Scenario } from "./scenario.ts";

const TYPES = ["step_started", "step_completed", "artifact_registered"] as const;

/** What `readLog` promises. */
export function describeLog(open: OpenStore): void {
  describe("log", () => {
    it("S8: every combination of filters, in both orders, gives exactly the entries that match, page by page", async () => {
      await using on = await begin(open);
      const { rows, sessions, executions } = await filledLog(on);
      for (const filter of everyFilter(sessions, executions)) {
        const expected = rows.filter((row) => matches(row, filter)).map(({ text }) => text);
        if (filter.order === "newest") expected.reverse();
        const found = await allPages((page) => on.store.readLog(on.tenantId, filter, page), 5);
        expect({ filter, found }).toEqual({ filter, found: expected });
      }
    });

    it("a range of time begins with its first millisecond and ends before its last", async () => {
      await using on = await begin(open);
      const rows = [1, 2, 3].map((sequence) => entry({ sessionId: on.sessionId }, sequence));
      await on.write({ log: rows });
      const filter = { fromMs: NOW + 1, toMs: NOW + 3, order: "chronological" } as const;
      const found = await on.store.readLog(on.tenantId, filter, { limit: 9 });
      expect(found.items).toEqual(rows.slice(0, 2).map(({ text }) => text));
    });

    it("S8: entries of the same millisecond keep the order of their stream, across pages", async () => {
      await using on = await begin(open);
      const executionId = testIds.execution();
      const owner = { sessionId: on.sessionId, executionId };
      const rows = Array.from({ length: 9 }, (_, n) => entry(owner, n + 1, { timestampMs: NOW }));
      await on.admit({ executionId, change: { ...NOTHING, log: rows.slice(0, 4) } });
      await on.commit(executionId, { change: { ...NOTHING, log: rows.slice(4) } });
      for (const filter of [{}, { executionId }, { sessionId: on.sessionId }]) {
        const read = (order: LogFilter["order"]) =>
          allPages((page) => on.store.readLog(on.tenantId, { ...filter, order }, page), 2);
        expect(await read("chronological")).toEqual(rows.map(({ text }) => text));
        expect(await read("newest")).toEqual(rows.map(({ text }) => text).toReversed());
      }
    });

    it("S8: reading newest first neither repeats nor misses an entry while others are appended", async () => {
      await using on = await begin(open);
      const owner = { sessionId: on.sessionId };
      const rows = Array.from({ length: 10 }, (_, n) => entry(owner, n + 1));
      await on.write({ log: rows });
      let next = 11;
      const read = () =>
        allPages(
          (page) => on.store.readLog(on.tenantId, { order: "newest" }, page),
          3,
          async () => {
            await on.write({ log: [entry(owner, next)] });
            next += 1;
          },
        );
      expect(await read()).toEqual(rows.map(({ text }) => text).toReversed());
    });

    it("S8: reading chronologically comes to the entries that were appended meanwhile", async () => {
      await using on = await begin(open);
      const owner = { sessionId: on.sessionId };
      await on.write({ log: [1, 2, 3, 4].map((n) => entry(owner, n)) });
      let next = 5;
      const read = await allPages(
        (page) => on.store.readLog(on.tenantId, { order: "chronological" }, page),
        2,
        async () => {
          if (next > 6) return;
          await on.write({ log: [entry(owner, next)] });
          next += 1;
        },
      );
      expect(read.map((text) => (JSON.parse(text) as { sequence: number }).sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it("gives sealed entries to the letter, whole or from their midst: every chain verifies", async () => {
      await using on = await begin(open);
      const { tenantId, sessionId } = on;
      const sealed = (count: number) => {
        const executionId = testIds.execution();
        const owner = { tenantId, sessionId, executionId, sagaId: testIds.saga(), traceId: testIds.trace() };
        const seal = createSealer(owner, testIds);
        let head = CHAIN_START;
        const rows = Array.from({ length: count }, (_, n): LogRow => {
          const payload = { n, text: `ünï "\\ \n 😀 \u0000`, list: [null, { deep: -1.5e-7 }] };
          const step = n % 3 === 0 ? {} : { step_name: ["plain", "a b %-", "", 'q"[3]'][n % 4] ?? "" };
          const event_type = TYPES[n % TYPES.length] ?? TYPES[0];
          const { row, head: next } = seal(head, { event_type, payload, ...step }, NOW + 7 * (n >> 1));
          head = next;
          return row;
        });
        return { executionId, rows };
      };
      const chains = [sealed(17), sealed(12)];
      for (const { executionId, rows } of chains) {
        await on.admit({ executionId, change: { ...NOTHING, log: rows.slice(0, 3) } });
      }
      for (let from = 3; from < 17; from += 2) {
        for (const { executionId, rows } of chains) {
          const log = rows.slice(from, from + 2);
          if (log.length > 0) await on.commit(executionId, { change: { ...NOTHING, log } });
        }
      }
      const all = new Set(chains.flatMap(({ rows }) => rows.map(({ text }) => text)));
      for (const limit of [1, 4, 100]) {
        for (const { executionId, rows } of chains) {
          const read = (filter: Omit<LogFilter, "executionId">) =>
            allPages((page) => on.store.readLog(tenantId, { executionId, ...filter }, page), limit);
          const texts = rows.map(({ text }) => text);
          expect(await read({ order: "chronological" })).toEqual(texts);
          expect(verifyChain(texts)).toBeUndefined();
          expect(await read({ order: "newest" })).toEqual(texts.toReversed());
          expect(await read({ order: "chronological", afterSequence: 6 })).toEqual(texts.slice(6));
        }
        for (const order of ["chronological", "newest"] as const) {
          const found = await allPages((page) => on.store.readLog(tenantId, { sessionId, order }, page), limit);
          expect(found).toHaveLength(all.size);
          expect(new Set(found)).toEqual(all);
          const few = await allPages(
            (page) => on.store.readLog(tenantId, { eventType: TYPES[1], order, fromMs: NOW + 7 }, page),
            limit,
          );
          const fits = (text: string) => text.includes(`"event_type":"${TYPES[1]}"`) && !text.includes('"n":1,');
          expect(new Set(few)).toEqual(new Set([...all].filter(fits)));
        }
      }
    });

    it("gives each entry's text to the letter, whatever it holds", async () => {
      await using on = await begin(open);
      const text = '{"b":1,"a":"ünï\\u0000 \\" 😀",   "z":1.0}';
      await on.write({ log: [entry({ sessionId: on.sessionId }, 1, { text })] });
      expect((await on.store.readLog(on.tenantId, { order: "newest" }, { limit: 1 })).items).toEqual([text]);
    });
  });
}

/** Three executions in two sessions, and the sessions' own entries, interleaved; returned in the order of time. */
async function filledLog(on: Scenario) {
  const second = testIds.session();
  await openSession(on.store, on.tenantId, second);
  const owners = [
    { sessionId: on.sessionId, executionId: testIds.execution() },
    { sessionId: on.sessionId, executionId: testIds.execution() },
    { sessionId: second, executionId: testIds.execution() },
    { sessionId: on.sessionId },
    { sessionId: second },
  ];
  for (const { sessionId, executionId } of owners) {
    if (executionId !== undefined) await on.admit({ sessionId, executionId });
  }
  const rows: LogRow[] = [];
  for (let n = 0; n < 35; n += 1) {
    const owner = owners[n % owners.length] ?? { sessionId: on.sessionId };
    const sequence = Math.floor(n / owners.length) + 1;
    const eventType = TYPES[(n + sequence) % TYPES.length] ?? TYPES[0];
    const row = entry(owner, sequence, { timestampMs: NOW + n * 10, eventType });
    rows.push(row);
    const change = { ...NOTHING, log: [row] };
    const outcome =
      owner.executionId === undefined ? await on.write(change) : await on.commit(owner.executionId, { change });
    expect(["written", "committed"]).toContain(outcome.outcome);
  }
  const executions = owners.flatMap(({ executionId }) => executionId ?? []);
  return { rows, sessions: [on.sessionId, second], executions };
}

function everyFilter(sessions: readonly SessionId[], executions: readonly ExecutionId[]): LogFilter[] {
  let filters: LogFilter[] = [{ order: "newest" }, { order: "chronological" }];
  const cross = (choices: readonly Partial<LogFilter>[]): void => {
    filters = filters.flatMap((filter) => choices.map((choice) => ({ ...filter, ...choice })));
  };
  cross([{}, { eventType: TYPES[0] }, { eventType: "session_created" }]);
  cross([{}, ...sessions.map((sessionId) => ({ sessionId }))]);
  cross([{}, { fromMs: NOW + 100 }, { toMs: NOW + 200 }, { fromMs: NOW + 100, toMs: NOW + 200 }]);
  cross([
    {},
    ...[...executions, testIds.execution()].flatMap((executionId) =>
      [undefined, 2, 99].map((afterSequence) => ({ executionId, afterSequence })),
    ),
  ]);
  return filters;
}

function matches(row: LogRow, filter: LogFilter): boolean {
  return (
    (filter.eventType ?? row.eventType) === row.eventType &&
    (filter.sessionId ?? row.sessionId) === row.sessionId &&
    (filter.executionId === undefined || filter.executionId === row.executionId) &&
    row.timestampMs >= (filter.fromMs ?? row.timestampMs) &&
    row.timestampMs < (filter.toMs ?? Number.POSITIVE_INFINITY) &&
    row.sequence > (filter.afterSequence ?? 0)
  );
}
