import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createFirestoreStore } from "../../infra/adapters/firestore/execution-store.ts";
import { createRedisStore } from "../../infra/adapters/redis/execution-store.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import type { Listen } from "../../shared/store-clock.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import { type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { begin, DEAD_AFTER, NOW, record } from "./execution-store/scenario.ts";

/** The emulator's clock ticks in steps of some milliseconds. */
const COARSE_MS = 50;

/** A call, and the machine's time before and after it: the stores run on this machine, so theirs lies between. */
async function heardBy(open: (listen: Listen) => Promise<ExecutionStore>) {
  let heard: (readonly [storeMs: number, when: string])[] = [];
  const store = await open(
    () =>
      (storeMs, when = "during") =>
        void heard.push([storeMs, when]),
  );
  const on = await begin(() => Promise.resolve({ store, close: () => store.close() }));
  return {
    on,
    timesOf: async (call: () => Promise<unknown>): Promise<readonly unknown[]> => {
      heard = [];
      const beforeMs = Date.now();
      await call();
      const afterMs = Date.now();
      for (const [storeMs, when] of heard) {
        if (when === "during") expect(storeMs).toBeGreaterThanOrEqual(beforeMs - COARSE_MS);
        expect(storeMs).toBeLessThanOrEqual(afterMs + COARSE_MS);
      }
      return heard;
    },
  };
}

function describeTime(open: (listen: Listen) => Promise<ExecutionStore>): void {
  it("is told by a beat, a sweep and a change, in the answers that come anyway", async () => {
    const { on, timesOf } = await heardBy(open);
    await using scenario = on;
    const { store, workerId } = scenario;
    expect(await timesOf(() => store.beat(workerId, NOW))).toHaveLength(1);
    expect(await timesOf(() => store.abandoned({ nowMs: NOW, deadAfterMs: DEAD_AFTER, limit: 9 }))).toHaveLength(1);
    expect(await timesOf(() => scenario.write({ records: [record("one")] }))).toHaveLength(1);
  });

  it("is told also when the sweep finds something, and when the worker is gone", async () => {
    const { on, timesOf } = await heardBy(open);
    await using scenario = on;
    const { store, workerId } = scenario;
    await scenario.admit();
    await store.retire(workerId);
    expect(await timesOf(() => store.abandoned({ nowMs: NOW, deadAfterMs: DEAD_AFTER, limit: 9 }))).toHaveLength(1);
    expect(await timesOf(() => store.beat(workerId, NOW))).toHaveLength(1);
  });
}

withParts(["redis", "firestore"], () => {
  let parts: RedisParts;
  beforeAll(async () => {
    parts = await startRedisParts();
  });
  afterAll(() => parts[Symbol.asyncDispose]());
  const redis = (connect: "tcp" | "rest") => (listen: Listen) =>
    Promise.resolve(createRedisStore(parts[connect](), { senderName: randomUUID(), namespace: randomUUID(), listen }));

  describe("the time of Redis over TCP", () => {
    describeTime(redis("tcp"));
  });
  describe("the time of Redis over REST", () => {
    describeTime(redis("rest"));
  });
  describe("the time of Firestore", () => {
    describeTime(async (listen) =>
      createFirestoreStore({ projectId: `test-${randomUUID()}`, emulatorHost: await sharedFirestore(), listen }),
    );
  });
});
