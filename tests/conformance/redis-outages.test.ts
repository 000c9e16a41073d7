import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { RedisConnection } from "../../infra/adapters/redis/connection.ts";
import { createRestConnection } from "../../infra/adapters/redis/rest-connection.ts";
import { createTcpConnection } from "../../infra/adapters/redis/tcp-connection.ts";
import { freePort } from "../../infra/dev/parts/part.ts";
import { startRedis } from "../../infra/dev/parts/redis-server.ts";
import { withParts } from "../kit/parts.ts";
import { startMortalRedis } from "../kit/mortal-redis.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { startTcpProxy } from "../kit/tcp-proxy.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { begin, entry, everything, message, patch, record, type Scenario } from "./execution-store/scenario.ts";

const UNAVAILABLE = { code: "store.unavailable", status: 503, retryable: true };
/** As long as no call may take, whatever happens to Redis. */
const BOUND_MS = 8_000;

withParts(["redis"], () => {
  let parts: RedisParts;
  beforeEach(async () => {
    parts = await startRedisParts();
  });
  afterEach(() => parts[Symbol.asyncDispose]());

  describe.each<[name: string, connect: () => RedisConnection]>([
    ["TCP", () => parts.tcp()],
    ["REST", () => parts.rest()],
  ])("redis over %s", (_, connect) => {
    const scenario = () => {
      const store = openRedisStore(connect());
      return begin(() => Promise.resolve({ store, close: () => store.close() }));
    };

    it("goes on when Redis forgets its scripts, in the middle of many calls", async () => {
      await using on = await scenario();
      const executionId = await on.admit();
      const plain = new Redis(parts.redis.port);
      for (let round = 0; round < 3; round += 1) {
        await plain.script("FLUSH");
        const calls = [on.admit(), on.commit(executionId), on.write({ records: [record(`r${round}`)] }), on.admit()];
        await Promise.all(calls);
      }
      plain.disconnect();
      expect((await on.store.listExecutions(on.tenantId, {}, { limit: 99 })).items).toHaveLength(7);
      expect((await on.store.listRecords(on.tenantId, "thing", "all", { limit: 9 })).total).toBe(3);
    });

    it("R4: says that a killed Redis is unavailable, soon and each time, and goes on by itself when it is back, with all it had", async () => {
      await using on = await scenario();
      const executionId = await on.admit({ state: patch("running", { steps: [{ position: 0, body: { n: 1 } }] }) });
      const log = [entry({ sessionId: on.sessionId, executionId }, 1)];
      const change = { records: [record("kept")], log, outbox: [message(on.tenantId)], mail: [] };
      await on.commit(executionId, { change });
      const before = await everything(on.store, on.tenantId, [executionId]);

      await parts.redis.kill();
      for (let round = 0; round < 3; round += 1) await expectUnavailable(on, 3_000);
      await parts.redis.restart();
      await untilItAnswers(on);
      expect(await everything(on.store, on.tenantId, [executionId])).toEqual(before);
      expect(await on.commit(executionId, { state: patch("completed") })).toMatchObject({ outcome: "committed" });
    });

    it("R4: says that a frozen Redis is unavailable, also to calls that wait behind others, and goes on when it thaws", async () => {
      await using on = await scenario();
      const executionId = await on.admit();
      parts.redis.pause();
      const startedMs = performance.now();
      const first = expectUnavailable(on, BOUND_MS);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await Promise.all([first, expectUnavailable(on, BOUND_MS), expectUnavailable(on, BOUND_MS)]);
      expect(performance.now() - startedMs).toBeLessThan(BOUND_MS);
      parts.redis.resume();
      await untilItAnswers(on);
      expect(await on.commit(executionId, { epoch: 1 })).toMatchObject({ outcome: "committed" });
    });

    it("is not ready while Redis answers but takes no writes, and says by which word of Redis", async () => {
      await using on = await scenario();
      const plain = new Redis(parts.redis.port);
      await plain.config("SET", "min-replicas-to-write", "1");
      const refused = await on.store.ping().then(String, (error: unknown) => error);
      expect(refused).toMatchObject(UNAVAILABLE);
      expect(String(refused)).toContain("NOREPLICAS");
      await plain.config("SET", "min-replicas-to-write", "0");
      plain.disconnect();
      await expect(on.store.ping()).resolves.toBeUndefined();
    });

    it("a Redis that was wiped knows nothing: what runs is fenced, what is claimed is absent", async () => {
      await using on = await scenario();
      const executionId = await on.admit();
      const plain = new Redis(parts.redis.port);
      await plain.flushall();
      plain.disconnect();
      expect(await on.commit(executionId)).toEqual({ outcome: "fenced" });
      expect(await on.claim(executionId)).toEqual({ outcome: "absent" });
      expect(await on.store.accept(on.acceptance())).toEqual({ outcome: "requirement_unmet" });
    });
  });

  it("T4: a master that became a replica, its connections still open, is left for the one that its address leads to now", async () => {
    await using other = await startMortalRedis();
    const target = { host: "127.0.0.1", port: parts.redis.port };
    await using way = await startTcpProxy(target);
    const store = openRedisStore(createTcpConnection(`redis://${way.host}:${way.port}`));
    await using on = await begin(() => Promise.resolve({ store, close: () => store.close() }));
    await on.admit();
    const plain = new Redis(parts.redis.port);
    await plain.replicaof("127.0.0.1", other.port);
    target.port = other.port;
    // What was sent over the old connection is refused, once; nobody cut it.
    await expect(on.write({ records: [record("r")] })).rejects.toMatchObject(UNAVAILABLE);
    const written = () =>
      on.write({ records: [record("r")] }).then(
        ({ outcome }) => outcome,
        () => undefined,
      );
    await expect.poll(written, { timeout: 5_000, interval: 50 }).toBe("written");
    // Or else the other one, when it stops, waits for its replica.
    await plain.replicaof("NO", "ONE");
    plain.disconnect();
  });

  it("R4: a Redis that takes no more clients is unavailable to who comes late, until one leaves", async () => {
    const plain = new Redis(parts.redis.port);
    await plain.config("SET", "maxclients", "1");
    const late = parts.tcp();
    for (let round = 0; round < 3; round += 1) await expect(late.ping()).rejects.toMatchObject(UNAVAILABLE);
    await plain.config("SET", "maxclients", "100");
    plain.disconnect();
    const answers = () =>
      late.ping().then(
        () => true,
        () => false,
      );
    await expect.poll(answers, { timeout: 5_000, interval: 50 }).toBe(true);
    await late.close();
  });

  it("R4: a Redis that takes no writes is unavailable, and nothing of a change is written", async () => {
    const store = openRedisStore(parts.tcp());
    await using on = await begin(() => Promise.resolve({ store, close: () => store.close() }));
    const executionId = await on.admit();
    const before = await everything(store, on.tenantId, [executionId]);
    const plain = new Redis(parts.redis.port);
    const used = Number(/used_memory:(\d+)/.exec(await plain.info("memory"))?.[1]);
    await plain.config("SET", "maxmemory", String(Math.floor(used / 2)));
    const change = { records: [record("r")], log: [], outbox: [message(on.tenantId)], mail: [] };
    await expect(on.store.accept(on.acceptance({ change }))).rejects.toMatchObject(UNAVAILABLE);
    await expect(on.commit(executionId, { change })).rejects.toMatchObject(UNAVAILABLE);
    await expect(on.write(change)).rejects.toMatchObject(UNAVAILABLE);
    await plain.config("SET", "maxmemory", "0");
    plain.disconnect();
    expect(await everything(store, on.tenantId, [executionId])).toEqual(before);
  });
});

withParts(["redis"], () => {
  it.each<[name: string, connect: (port: number) => RedisConnection]>([
    ["TCP", (port) => createTcpConnection(`redis://127.0.0.1:${port}`)],
    ["REST", (port) => createRestConnection({ url: `http://127.0.0.1:${port}`, token: "any" })],
  ])("R4: a store over %s that is opened before there is anybody to answer rejects", async (_, connect) => {
    const connection = connect(await freePort());
    for (let round = 0; round < 3; round += 1) await expect(connection.ping()).rejects.toMatchObject(UNAVAILABLE);
    await connection.close();
  });

  it("a store that was opened before Redis was there works once it is", async () => {
    await using folder = await temporaryFolder();
    const port = await freePort();
    const connection = createTcpConnection(`redis://127.0.0.1:${port}`);
    await expect(connection.ping()).rejects.toMatchObject(UNAVAILABLE);
    await using redis = await startRedis({ directory: folder.path, port });
    await expect
      .poll(
        () =>
          connection.ping().then(
            () => redis.port,
            () => undefined,
          ),
        { timeout: 5_000 },
      )
      .toBe(port);
    await connection.close();
  });
});

async function expectUnavailable(on: Scenario, withinMs: number): Promise<void> {
  const startedMs = performance.now();
  const calls = [
    on.store.accept(on.acceptance()),
    on.store.readRecord(on.tenantId, "thing", "kept"),
    on.store.listExecutions(on.tenantId, {}, { limit: 5 }),
    on.store.unpublished(5),
    on.store.ping(),
  ];
  for (const outcome of await Promise.allSettled(calls))
    expect(outcome).toMatchObject({ status: "rejected", reason: UNAVAILABLE });
  expect(performance.now() - startedMs).toBeLessThan(withinMs);
}

async function untilItAnswers({ store }: Scenario): Promise<void> {
  const answers = () =>
    store.ping().then(
      () => true,
      () => false,
    );
  await expect.poll(answers, { timeout: 10_000, interval: 50 }).toBe(true);
}
