import { randomUUID } from "node:crypto";

import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";

import type { RedisConnection } from "../../infra/adapters/redis/connection.ts";
import { asId, type ExecutionId, type TenantId } from "../../shared/ids.ts";
import type { Change, ExecutionStore } from "../../shared/ports/execution-store.ts";
import { withParts } from "../kit/parts.ts";
import { deliveredLate, deliveredTwice } from "../kit/redis-deliveries.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { begin, entry, message, NOTHING, NOW, patch, type Scenario } from "./execution-store/scenario.ts";

/** ADR 0034: a commit of which the writer knows all that it meets with is only compared, and leaves what every other commit leaves. */
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

  /** A connection that says of each commit whether it was sent to be compared, and whether Redis had what it is compared with. */
  function watched(connection: RedisConnection, ways: string[]): RedisConnection {
    const by =
      (evaluate: RedisConnection["evalsha"]): RedisConnection["evalsha"] =>
      async (script, keys, args) => {
        if (keys.length === 1 && args[6] === "m") {
          const meta = await plain.hget(keys[0] ?? "", "m");
          ways.push(args[1] === "" ? "long" : args[1] === meta ? "short" : "astray");
        }
        return evaluate(script, keys, args);
      };
    return { ...connection, evalsha: by(connection.evalsha) };
  }

  /** The next entries of an execution's log, as many as are asked for. */
  function entriesOf({ sessionId }: Scenario, executionId: ExecutionId) {
    let sequence = 0;
    return (count: number): Change["log"] =>
      Array.from({ length: count }, () => entry({ sessionId, executionId }, (sequence += 1)));
  }

  async function scenario(connection: RedisConnection): Promise<Scenario> {
    const store = openRedisStore(connection);
    return begin(() => Promise.resolve({ store, close: () => store.close() }));
  }

  it("goes the short way from the acceptance to the end, and after a claim", async () => {
    const ways: string[] = [];
    await using on = await scenario(watched(parts.tcp(), ways));
    const executionId = asId.execution(randomUUID());
    const next = entriesOf(on, executionId);
    await on.admit({ executionId, change: { ...NOTHING, log: next(3) } });
    await on.commit(executionId, { change: { ...NOTHING, log: next(2) } });
    await on.commit(executionId, { state: patch("waiting"), change: { ...NOTHING, log: next(1) } });
    const wait = { change: { ...NOTHING, log: next(1) }, release: { wakeAtMs: NOW } };
    expect(await on.commit(executionId, wait)).toEqual({ outcome: "committed", held: false, mail: false });
    expect(await on.claim(executionId)).toMatchObject({ outcome: "claimed", epoch: 2 });
    const more = { epoch: 2, change: { ...NOTHING, log: next(1) } };
    expect(await on.commit(executionId, more)).toEqual({ outcome: "committed", held: true, mail: false });
    const end = { epoch: 2, state: patch("completed"), release: { wakeAtMs: undefined } };
    expect(await on.commit(executionId, { ...end, change: { ...NOTHING, log: next(1) } })).toEqual({
      outcome: "committed",
      held: false,
      mail: false,
    });
    expect(ways).toEqual(["short", "short", "long", "short", "short"]);
  });

  it("S2, S10: goes the long way where another wrote, claimed or sent mail since, which it did not know of", async () => {
    const ways: string[] = [];
    await using on = await scenario(watched(parts.tcp(), ways));
    const executionId = asId.execution(randomUUID());
    const next = entriesOf(on, executionId);
    await on.admit({ executionId, change: { ...NOTHING, log: next(1) } });
    const letter = { mailId: "hello", executionId, body: {} };
    await on.write({ mail: [letter] });
    const heard = await on.commit(executionId, { change: { ...NOTHING, log: next(1) } });
    expect(heard).toEqual({ outcome: "committed", held: true, mail: true });
    await on.commit(executionId, { readMail: ["hello"], change: { ...NOTHING, log: next(1) } });
    await on.store.retire(on.workerId);
    expect(await on.claim(executionId)).toMatchObject({ outcome: "claimed", epoch: 2 });
    const late = { change: { ...NOTHING, log: next(1) }, state: patch("completed"), release: { wakeAtMs: undefined } };
    expect(await on.commit(executionId, late)).toEqual({ outcome: "fenced" });
    expect(ways).toEqual(["astray", "long", "long"]);
    expect((await on.store.readLog(on.tenantId, { executionId, order: "newest" }, { limit: 9 })).items).toHaveLength(3);
  });

  it("S2: a claim made again because no answer came fences nothing, whichever of both comes late", async () => {
    await using on = await scenario(parts.tcp());
    const executionId = await on.admit();
    const asked = { workerId: on.workerId, claimId: "worker_1/1" };
    expect(await on.claim(executionId, asked)).toMatchObject({ outcome: "claimed", epoch: 2 });
    expect(await on.claim(executionId, asked)).toMatchObject({ outcome: "claimed", epoch: 2 });
    expect(await on.commit(executionId, { epoch: 2 })).toMatchObject({ outcome: "committed", held: true });
    expect(await on.commit(executionId, { epoch: 2, release: { wakeAtMs: NOW } })).toMatchObject({ held: false });
    await on.claim(executionId, asked);
    expect(await on.store.due({ nowMs: NOW, limit: 9 })).toEqual([{ tenantId: on.tenantId, executionId }]);
    expect(await on.claim(executionId)).toMatchObject({ outcome: "claimed", epoch: 3 });
    expect(await on.claim(executionId, asked)).toEqual({ outcome: "held" });
  });

  it("S9: an entry that does not follow the last one is refused all the same, and nothing of it is written", async () => {
    await using on = await scenario(parts.tcp());
    const executionId = asId.execution(randomUUID());
    const next = entriesOf(on, executionId);
    await on.admit({ executionId, change: { ...NOTHING, log: next(1) } });
    next(1);
    const gap = on.commit(executionId, { state: patch("waiting"), change: { ...NOTHING, log: next(1) } });
    await expect(gap).rejects.toMatchObject({ code: "store.log_sequence" });
    expect((await on.store.readExecution(on.tenantId, executionId))?.head).toEqual({ status: "running" });
  });

  it.each<[name: string, deliver: (connection: RedisConnection) => RedisConnection]>([
    ["each script once", (connection) => connection],
    ["each script twice", deliveredTwice],
    ["each script again after the next one", (connection) => deliveredLate(connection, [1])],
    ["each script again after the second and the third from it", (connection) => deliveredLate(connection, [2, 3])],
  ])("R2: leaves what the long way leaves, with %s", async (_, deliver) => {
    const views: object[] = [];
    for (const knows of [true, false]) {
      const namespace = randomUUID();
      const open = (): ExecutionStore => openRedisStore(deliver(parts.tcp()), namespace);
      const first = open();
      await using on = await begin(() => Promise.resolve({ store: first, close: () => first.close() }));
      // A store of its own for each commit knows nothing of the one before.
      const commit: Scenario["commit"] = async (executionId, more) => {
        if (knows) return on.commit(executionId, more);
        const store = open();
        try {
          const asked = { tenantId: on.tenantId, executionId, epoch: 1, state: patch("running"), readMail: [] };
          return await store.commit({ ...asked, change: NOTHING, ...more });
        } finally {
          await store.close();
        }
      };
      for (const name of ["one", "two", "three"]) await runThrough(on, commit, asId.execution(name));
      views.push(await everything(on.store, on.tenantId));
    }
    expect(views[0]).toEqual(views[1]);
  });

  /** From its acceptance over a change of status to its end; "three" does not end. */
  async function runThrough(on: Scenario, commit: Scenario["commit"], executionId: ExecutionId): Promise<void> {
    const next = entriesOf({ ...on, sessionId: asId.session("session") }, executionId);
    const told = (eventId: string) => [message(on.tenantId, { eventId: `${executionId}/${eventId}` as never })];
    await on.admit({ executionId, change: { ...NOTHING, log: next(2) } });
    const started = { steps: [{ position: 0, body: { started: true } }] };
    await commit(executionId, { state: patch("running", started), change: { ...NOTHING, log: next(2) } });
    const log = next(1);
    await commit(executionId, { state: patch("waiting"), change: { ...NOTHING, log, outbox: told("waits") } });
    if (executionId === "three") return;
    const change = { ...NOTHING, log: next(2), outbox: told("ends") };
    const ended = await commit(executionId, { state: patch("completed"), change, release: { wakeAtMs: undefined } });
    expect(ended).toEqual({ outcome: "committed", held: false, mail: false });
  }

  /** All that a store tells of a tenant. */
  async function everything(store: ExecutionStore, tenantId: TenantId): Promise<object> {
    const page = { limit: 50 };
    const list = async (filter: object) => (await store.listExecutions(tenantId, filter, page)).items;
    const log = async (filter: object) =>
      (await store.readLog(tenantId, { order: "chronological", ...filter }, page)).items;
    const executions = ["one", "two", "three"].map((id) => store.readExecution(tenantId, asId.execution(id)));
    return {
      executions: (await Promise.all(executions)).map((found) => found && { ...found }),
      listed: [await list({}), await list({ live: true })],
      statuses: await Promise.all(["running", "waiting", "completed"].map((status) => list({ status }))),
      log: [await log({}), await log({ eventType: "step_started" }), await log({ sessionId: "session" })],
      outbox: (await store.unpublished(50)).map(({ eventId }) => eventId),
      held: (await store.abandoned({ nowMs: NOW + 3_600_000, deadAfterMs: 1, limit: 9 })).map((ref) => ref.executionId),
    };
  }
});
