import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";

import type { RedisConnection, Reply } from "../../infra/adapters/redis/connection.ts";
import { CHAIN_START, createSealer } from "../../shared/state/log-entry.ts";
import type { LogRow } from "../../shared/ports/execution-store.ts";
import { withParts } from "../kit/parts.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { testIds } from "../kit/runtime.ts";
import { allPages, begin, everything, NOTHING, NOW, patch, type Scenario } from "./execution-store/scenario.ts";

/** What Redis keeps of an execution that it was told to forget, and what can still reach it. */
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

  /** A store whose scripts can be delivered again at any time. */
  async function open(namespace: string) {
    const connection = parts.tcp();
    const sent: (() => Promise<Reply>)[] = [];
    const recorded: RedisConnection = {
      ...connection,
      evalsha: (...args) => {
        sent.push(() => connection.evalsha(...args));
        return connection.evalsha(...args);
      },
    };
    const store = openRedisStore(recorded, namespace);
    const on = await begin(() => Promise.resolve({ store, close: () => store.close() }));
    return { on, store, sent, keys: () => plain.keys(`{${namespace}}:*`) };
  }

  /** An ended execution with a log of so many entries, two in each millisecond. */
  async function ended(on: Scenario, entries: number, startMs = NOW) {
    const executionId = testIds.execution();
    const { tenantId, sessionId } = on;
    const owner = { tenantId, sessionId, executionId, sagaId: testIds.saga(), traceId: testIds.trace() };
    const seal = createSealer(owner, testIds);
    let head = CHAIN_START;
    const log = Array.from({ length: entries }, (_, n): LogRow => {
      const event_type = n % 2 === 0 ? "step_started" : "step_completed";
      const sealed = seal(head, { event_type, step_name: "s", payload: { n } }, startMs + (n >> 1));
      head = sealed.head;
      return sealed.row;
    });
    await on.admit({ executionId, createdMs: startMs, change: { ...NOTHING, log: log.slice(0, 3) } });
    const steps = [{ position: 0, body: { n: 1 } }];
    await on.commit(executionId, { state: patch("completed", { steps }), change: { ...NOTHING, log: log.slice(3) } });
    return executionId;
  }

  it("nothing that is delivered late brings it back", async () => {
    const { on, store, sent } = await open("late");
    await using _ = on;
    const executionId = await ended(on, 6);
    await store.claim({ tenantId: on.tenantId, executionId, workerId: on.workerId, nowMs: NOW, deadAfterMs: 1 });
    const before = [...sent];
    expect(await store.keeping?.forget(on.tenantId, executionId)).toBe("forgotten");
    const seen = await everything(store, on.tenantId, [executionId]);
    for (const deliver of [...before, ...before.toReversed()]) await deliver();
    expect(await everything(store, on.tenantId, [executionId])).toEqual(seen);
    expect(seen).toMatchObject({ listed: { items: [] }, log: { items: [] } });
    const again = on.acceptance({ executionId, workerId: testIds.worker() });
    await expect(store.accept(again)).rejects.toMatchObject({ code: "store.execution_exists" });
    expect(await on.commit(executionId)).toEqual({ outcome: "fenced" });
    await on.write({ mail: [{ mailId: "m", executionId, body: {} }] });
    expect(await store.readMail(on.tenantId, executionId)).toEqual([]);
  });

  it("a long log goes in several calls, and the places of others in the same blocks stay", async () => {
    const { on, store } = await open("long");
    await using _ = on;
    const kept = [await ended(on, 40), await ended(on, 700)];
    const read = () => allPages((page) => store.readLog(on.tenantId, { order: "newest" }, page), 300);
    const before = { log: await read(), seen: await everything(store, on.tenantId, kept) };
    for (const length of [1, 199, 200, 201, 950]) {
      const gone = await ended(on, length, NOW + 3);
      expect(await store.keeping?.forget(on.tenantId, gone)).toBe("forgotten");
    }
    expect({ log: await read(), seen: await everything(store, on.tenantId, kept) }).toEqual(before);
  });

  it("one that is half forgotten is not there for any reader, and forgetting goes on where it was cut short", async () => {
    const { on, store } = await open("half");
    await using _ = on;
    const kept = await ended(on, 10);
    const before = await everything(store, on.tenantId, [kept]);
    const gone = await ended(on, 500);
    const { log } = await everything(store, on.tenantId, [kept, gone]);
    expect(log).not.toEqual(before["log"]);
    let calls = 0;
    const connection = parts.tcp();
    const once: RedisConnection["evalsha"] = (...args) => {
      calls += 1;
      return calls > 1 ? Promise.reject(new Error("cut")) : connection.evalsha(...args);
    };
    const cut = openRedisStore({ ...connection, evalsha: once }, "half");
    await expect(cut.keeping?.forget(on.tenantId, gone)).rejects.toThrow("cut");
    await cut.close();
    expect(await everything(store, on.tenantId, [kept])).toEqual(before);
    expect(await store.readExecution(on.tenantId, gone)).toBeUndefined();
    expect((await store.readLog(on.tenantId, { executionId: gone, order: "newest" }, { limit: 9 })).items).toEqual([]);
    expect(await store.keeping?.forget(on.tenantId, gone)).toBe("forgotten");
    expect(await plain.exists(`{half}:t:acme:l:${gone}`)).toBe(0);
  });

  it("leaves a tombstone for ten minutes and nothing else, and a tenant without executions is not named", async () => {
    const { on, store, keys } = await open("nothing");
    await using _ = on;
    const first = (await keys()).toSorted();
    const executionId = await ended(on, 450);
    expect(await store.keeping?.tenants()).toEqual([on.tenantId]);
    await store.keeping?.forget(on.tenantId, executionId);
    expect(await store.keeping?.tenants()).toEqual([]);
    const tombstone = `{nothing}:t:acme:x:${executionId}`;
    const left = (await keys()).filter((key) => !first.includes(key) && !/:d:|:beats$|:held:/.test(key));
    expect(left).toEqual([tombstone]);
    expect(await plain.hkeys(tombstone)).toEqual(["c"]);
    expect(await plain.pttl(tombstone)).toBeGreaterThan(0);
    expect(await plain.pttl(tombstone)).toBeLessThanOrEqual(600_000);
  });
});
