import { randomUUID } from "node:crypto";

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { createFirestoreStore } from "../../infra/adapters/firestore/execution-store.ts";
import { asId } from "../../shared/ids.ts";
import type { ExecutionStore } from "../../shared/ports/execution-store.ts";
import { sharedFirestore, withParts } from "../kit/parts.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../kit/redis-parts.ts";
import { openRuntime, testIds, type TestRuntime } from "../kit/runtime.ts";
import { anyDeed, playInstances } from "../kit/wasm/instance-model.ts";
import { type InstanceScene, openInstanceScene } from "../kit/wasm/instance-scene.ts";
import { createMessaging } from "../kit/wasm/messaging.ts";
import { createManualClock, type ManualClock } from "../unit/manual-clock.ts";
import { tieredOver } from "./tiered-kit.ts";

// The Firestore emulator is Java, and slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const KV = [{ providerType: "kv", permissions: ["kv:read", "kv:write"] }] as const;
const SUBSCRIBED = [{ providerType: "messaging", permissions: ["msg:publish", "msg:subscribe:t"] }] as const;
const TRAP = 1;

/** What instances promise, over a store that is not SQLite: the same control side, the same guests in the same pool. */
function describeInstances(name: string, open: () => Promise<ExecutionStore>, runs: number): void {
  describe(`instances over ${name}`, () => {
    let store: ExecutionStore;
    let runtime: TestRuntime;
    let scene: InstanceScene;
    let clock: ManualClock;
    beforeAll(async () => {
      store = await open();
      clock = createManualClock();
      runtime = await openRuntime({ clock, store });
      scene = await openInstanceScene(runtime);
    });
    afterAll(async () => {
      await runtime[Symbol.asyncDispose]();
      await store.close();
    });

    it("2, 4, 5, 6, 7, 8, 9, 13, 14, 16, 19, 21: whatever is done to them, they are what was done to them", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyDeed, { minLength: 12, maxLength: 30 }), playInstances({ runtime, scene, clock })),
        { numRuns: runs },
      );
    });

    it("8: traps side by side are one crash, and one restart of two sweeps side by side", async () => {
      const restartPolicy = { policy_type: "on_failure", backoff_seconds: 100 } as const;
      const { metadata } = await scene.start({ restartPolicy });
      const id = metadata.instance_id;
      const codes = await Promise.all(Array.from({ length: 4 }, () => scene.codeOf(scene.invoke(id, TRAP))));
      expect(new Set(codes)).toEqual(new Set(["wasm.crash_detected"]));
      await clock.advance(100_000);
      await Promise.all([runtime.services.restarts.sweep(), runtime.services.restarts.sweep()]);
      expect((await scene.facts(id)).map(({ fact_type }) => fact_type)).toEqual([
        "instance_started",
        "instance_crashed",
        "instance_restarted",
      ]);
    });

    it("one idempotency key asked at once makes one instance, and its end leaves nothing but its facts", async () => {
      const capabilities = [...KV, ...SUBSCRIBED];
      const made = await Promise.all(
        Array.from({ length: 4 }, () => scene.start({ idempotencyKey: "once", capabilities })),
      );
      const [id = asId.instance("none"), ...others] = new Set(made.map(({ metadata }) => metadata.instance_id));
      expect(others).toEqual([]);
      await scene.invoke(id, { provider: "kv", operation: "set", params: { key: "k", value: 1 } });
      await scene.invoke(id, { provider: "messaging", operation: "publish", params: { topic: "t", data: 1 } });
      const { instances, log } = runtime.services;
      await instances.stop(runtime.tenantId, id, testIds.trace());
      await instances.remove(runtime.tenantId, id, testIds.trace());
      for (const kind of ["wasm_kv", "wasm_inbox", "wasm_message"])
        expect((await store.listRecords(runtime.tenantId, kind, `instance=${id}`, { limit: 1 })).total).toBe(0);
      const chain = await log.verifyAll(runtime.tenantId, { sessionId: asId.session(id) });
      expect(chain).toMatchObject({ entries: 3, faults: [] });
    });

    it("an inbox has what several publish at once, each once, in the order of each", async () => {
      const on = createMessaging(store);
      await on.messaging.initialize();
      const reader = { tenantId: runtime.tenantId, instanceId: testIds.instance() };
      await on.subscribe(reader, ["*"]);
      const publishers = Array.from({ length: 4 }, () => testIds.instance());
      await Promise.all(
        publishers.map(async (instanceId) => {
          for (let n = 0; n < 4; n += 1) await on.publish({ ...reader, instanceId }, "races", [instanceId, n]);
        }),
      );
      const messages: [string, number][] = [];
      for (;;) {
        const pulled = await on.pull(reader, "races", 5);
        if (pulled.length === 0) break;
        messages.push(...pulled.map(({ data }) => data as [string, number]));
        expect(await on.ack(reader, "races", pulled)).toBe(pulled.length);
      }
      for (const publisher of publishers)
        expect(messages.filter(([who]) => who === publisher).map(([, n]) => n)).toEqual([0, 1, 2, 3]);
      expect(messages).toHaveLength(16);
    });
  });
}

withParts(["redis"], () => {
  let parts: RedisParts;
  beforeAll(async () => {
    parts = await startRedisParts();
  });
  afterAll(() => parts[Symbol.asyncDispose]());

  describeInstances("redis", () => Promise.resolve(openRedisStore(parts.tcp())), 8);
  describeInstances("redis by REST", () => Promise.resolve(openRedisStore(parts.rest())), 4);

  withParts(["firestore"], () => {
    const cold = async () =>
      createFirestoreStore({ projectId: `test-${randomUUID()}`, emulatorHost: await sharedFirestore() });
    describeInstances("firestore", cold, 2);
    describeInstances(
      "redis in front of firestore",
      async () => tieredOver(parts.tcp(), { cold: await cold() }).store,
      2,
    );
  });
});
