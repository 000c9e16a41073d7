import { isDeepStrictEqual } from "node:util";

import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import type { RedisConnection } from "../../infra/adapters/redis/connection.ts";
import { escaped, unescaped } from "../../infra/adapters/redis/keys.ts";
import { readTimeKey, timeKey } from "../../infra/adapters/redis/sortable.ts";
import { trustedTenantId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { countingStore } from "../kit/counting-store.ts";
import { withParts } from "../kit/parts.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { openRuntime } from "../kit/runtime.ts";
import { begin, entry, message, NOTHING, patch, record } from "./execution-store/scenario.ts";

const threeSteps = intent("test.three_steps", {
  version: 1,
  description: "Three trivial steps.",
  input: z.strictObject({ amount: z.number() }),
  output: z.object({ total: z.number() }),
})
  .step("reserve", { run: ({ input }) => ({ reserved: input.amount }) })
  .step("charge", { run: ({ outputs }) => ({ charged: outputs.reserve.reserved + 1 }) })
  .step("ship", { run: ({ outputs }) => ({ shipped: outputs.charge.charged + 1 }) })
  .returns(({ outputs }) => ({ total: outputs.ship.shipped }));

withParts(["redis"], () => {
  let parts: RedisParts;
  let plain: Redis;
  beforeAll(async () => {
    parts = await startRedisParts();
    plain = new Redis(parts.redis.port);
  });
  afterAll(async () => {
    plain.disconnect();
    await parts[Symbol.asyncDispose]();
  });

  /** How often a client has called each command, as Redis itself counts; what scripts call counts there too. */
  const calls = async (): Promise<ReadonlyMap<string, number>> => {
    const lines = (await plain.info("commandstats")).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
    return new Map(Array.from(lines, ([, name = "", count]) => [name, Number(count)]));
  };

  it.each<[name: string, connect: () => RedisConnection]>([
    ["TCP", () => parts.tcp()],
    ["REST", () => parts.rest()],
  ])(
    "a saga of three steps over %s costs four calls of Redis, and a process one more each second",
    async (_, connect) => {
      const counted = countingStore(openRedisStore(connect()));
      let relayed = 0;
      const relaying =
        <Args extends unknown[], Answer>(call: (...args: Args) => Answer) =>
        (...args: Args): Answer => {
          relayed += 1;
          return call(...args);
        };
      const store: ExecutionStore = {
        ...counted.store,
        unpublished: relaying(counted.store.unpublished),
        markPublished: relaying(counted.store.markPublished),
      };
      const sagas = 30;
      {
        await using runtime = await openRuntime({ intents: [threeSteps], store });
        // Redis has all scripts, and the session is there.
        await runtime.run(threeSteps.type, { amount: 1 });
        const asked = () => ({ beats: counted.beats.length, commits: counted.commits.length, relayed });
        /** What was asked and what Redis has counted, at a moment when nothing is under way. */
        const quiet = async () => {
          for (;;) {
            await runtime.services.relay.drain();
            const before = asked();
            await new Promise((resolve) => setTimeout(resolve, 30));
            const found = await calls();
            if (isDeepStrictEqual(before, asked())) return { ...before, calls: found };
          }
        };
        const before = await quiet();
        const startedMs = performance.now();
        for (let saga = 0; saga < sagas; saga += 1) await runtime.run(threeSteps.type, { amount: saga });
        const after = await quiet();
        const seconds = (performance.now() - startedMs) / 1_000;
        const beats = after.beats - before.beats;
        const marks = after.relayed - before.relayed;
        const times = (name: string) => (after.calls.get(name) ?? 0) - (before.calls.get(name) ?? 0);

        expect(after.commits - before.commits).toBe(3 * sagas);
        expect(beats).toBeLessThanOrEqual(1 + 1.1 * seconds);
        // What a message costs when nobody else has one: two looks and a mark.
        expect(marks).toBeLessThanOrEqual(3 * sagas + 6);
        expect(times("evalsha")).toBe(4 * sagas + beats + marks);
        for (const other of ["eval", "watch", "multi", "exec", "subscribe", "keys", "scan"])
          expect(times(other)).toBe(0);
      }
      await store.close();
    },
  );

  it("S1: a change may be of any size: ten thousand entries, records, messages, steps and letters in one commit", async () => {
    const store = openRedisStore(parts.tcp());
    await using on = await begin(() => Promise.resolve({ store, close: () => store.close() }));
    const [from, to] = [await on.admit(), await on.admit()];
    const many = <Item>(make: (n: number) => Item) => Array.from({ length: 10_000 }, (_, n) => make(n));
    const change = {
      records: many((n) => record(`r${n}`)),
      log: many((n) => entry({ sessionId: on.sessionId, executionId: from }, n + 1)),
      outbox: many(() => message(on.tenantId)),
      mail: many((n) => ({ mailId: `m${n}`, executionId: to, body: { n } })),
    };
    const steps = many((n) => ({ position: n, body: { n } }));
    expect(await on.commit(from, { change, state: patch("running", { steps }) })).toMatchObject({ held: true });
    expect((await store.readExecution(on.tenantId, from))?.steps).toEqual(steps);
    expect((await store.listRecords(on.tenantId, "thing", "all", { limit: 1 })).total).toBe(10_000);
    expect(await store.readMail(on.tenantId, to)).toEqual(change.mail);
    expect(await store.unpublished(10_001)).toEqual(change.outbox);
    const filter = { order: "chronological", sessionId: on.sessionId, eventType: "step_started" } as const;
    const log = await store.readLog(on.tenantId, filter, { limit: 10_001 });
    expect(log.items).toEqual(change.log.map(({ text }) => text));
    const readMail = change.mail.map(({ mailId }) => mailId);
    expect(await on.commit(to, { readMail })).toEqual({ outcome: "committed", held: true, mail: false });
  });

  it("S7: no name of a tenant, a kind, an id or a facet reaches into another's keys", async () => {
    const store = openRedisStore(parts.tcp());
    const names = ["a", "a:r:thing", "a:r:thing:b", "{a}", "a b", "%", "", "a%3Ar", "t:a:", "ä\0\n", "-", "%-"];
    for (const tenant of names)
      for (const id of names) {
        const write = record(id, { kind: `k${tenant}`, facets: [id], body: { tenant, id } });
        expect(await store.write(trustedTenantId(tenant), { ...NOTHING, records: [write] })).toEqual({
          outcome: "written",
        });
      }
    for (const tenant of names)
      for (const id of names) {
        const listed = await store.listRecords(trustedTenantId(tenant), `k${tenant}`, id, { limit: 9 });
        expect(listed).toMatchObject({ total: 1, items: [{ id, body: { tenant, id } }] });
      }
    await store.close();
  });
});

describe("names in keys", () => {
  it("are told apart, and hold nothing that separates", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
        expect(escaped(a)).toMatch(/^[^\s:{}]+$/);
        expect(unescaped(escaped(a))).toBe(a);
        if (a !== b) expect(escaped(a)).not.toBe(escaped(b));
      }),
    );
  });

  it("of times sort as these do", () => {
    const sorted = (left: string, right: string) => (left < right ? -1 : Number(left > right));
    fc.assert(
      fc.property(fc.nat({ max: 1e14 }), fc.nat({ max: 1e14 }), (a, b) => {
        expect(sorted(timeKey(a), timeKey(b))).toBe(Math.sign(a - b));
        expect(readTimeKey(timeKey(a))).toBe(a);
      }),
    );
  });
});
