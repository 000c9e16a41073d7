import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { logRetention } from "../../../functions/platform/log-retention.ts";
import { readStorageUse } from "../../../shared/artifacts/storage-use.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { openRuntime, testIds, type TestRuntime } from "../../kit/runtime.ts";
import { type InstanceScene, openInstanceScene } from "../../kit/wasm/instance-scene.ts";
import { createManualClock, type ManualClock } from "../../unit/manual-clock.ts";

const DAY_MS = 86_400_000;
const KV = [{ providerType: "kv", permissions: ["kv:read", "kv:write"] }] as const;
const set = (key: string, value: number) => ({ provider: "kv", operation: "set", params: { key, value } });
const rival = trustedTenantId("rival");

let runtime: TestRuntime;
let scene: InstanceScene;
let clock: ManualClock;
/** Writes fail from the given on. */
let failing = { from: Number.POSITIVE_INFINITY, seen: 0 };
let inner: ExecutionStore;

beforeAll(async () => {
  inner = createSqliteStore(":memory:");
  const store: ExecutionStore = {
    ...inner,
    write: (tenantId, change) => {
      failing.seen += 1;
      return failing.seen >= failing.from ? Promise.reject(new Error("away")) : inner.write(tenantId, change);
    },
  };
  clock = createManualClock();
  runtime = await openRuntime({ clock, store });
  scene = await openInstanceScene(runtime);
});
afterAll(async () => {
  await runtime[Symbol.asyncDispose]();
  await inner.close();
});

const remove = (id: string, tenantId = runtime.tenantId) =>
  runtime.services.instances.remove(tenantId, asId.instance(id), testIds.trace());
const stop = (id: string) => runtime.services.instances.stop(runtime.tenantId, asId.instance(id), testIds.trace());
const keysOf = async (id: string) =>
  (await runtime.store.listRecords(runtime.tenantId, "wasm_kv", `instance=${id}`, { limit: 1 })).total;
const storedBytes = async () => {
  const { surface, adapters } = runtime.services;
  return (await readStorageUse({ ...adapters, surface }, runtime.tenantId)).bytes;
};
const logOf = async (id: string) => {
  const entries = runtime.services.log.replay(runtime.tenantId, { sessionId: asId.session(id) });
  return (await Array.fromAsync(entries)).map(({ event_type }) => event_type);
};

describe("an instance's end", () => {
  it("takes its record, its keys and its module, and leaves its facts in a log that verifies", async () => {
    const { metadata } = await scene.start({ capabilities: KV });
    const id = metadata.instance_id;
    for (let n = 0; n < 130; n += 1) await scene.invoke(id, set(`k${n}`, n));
    expect(await storedBytes()).toBeGreaterThan(0);
    await stop(id);
    await clock.advance(2 * 3_600_000);
    await remove(id);
    const { instances, log } = runtime.services;
    expect(await scene.codeOf(instances.get(runtime.tenantId, id))).toBe("wasm.instance_not_found");
    expect(await scene.codeOf(remove(id))).toBe("wasm.instance_not_found");
    expect(await keysOf(id)).toBe(0);
    expect(await storedBytes()).toBe(0);
    expect(await logOf(id)).toEqual(["instance_started", "instance_stopped", "instance_deleted"]);
    expect((await log.verifyAll(runtime.tenantId, { sessionId: asId.session(id) })).faults).toEqual([]);
  });

  it("is refused while it is not stopped, and to another tenant it is not there", async () => {
    const { metadata } = await scene.start({ capabilities: KV });
    const id = metadata.instance_id;
    await scene.invoke(id, set("k", 1));
    await expect(remove(id)).rejects.toMatchObject({
      code: "wasm.invalid_request",
      details: { reason: "instance_running" },
    });
    expect(await scene.codeOf(remove(id, rival))).toBe("wasm.instance_not_found");
    await scene.codeOf(scene.invoke(id, 1));
    await expect(remove(id)).rejects.toMatchObject({ details: { reason: "instance_crashed" } });
    expect(await keysOf(id)).toBe(1);
    await stop(id);
    await remove(id);
  });

  it("cut short at any of its writes, is finished by the next request, with one entry in the log", async () => {
    for (let from = 1, whole = false; !whole; from += 1) {
      const { metadata } = await scene.start({ capabilities: KV });
      const id = metadata.instance_id;
      for (let n = 0; n < 3; n += 1) await scene.invoke(id, set(`k${n}`, n));
      await stop(id);
      await clock.advance(2 * 3_600_000);
      failing = { from, seen: 0 };
      whole = (await scene.codeOf(remove(id))) === "done";
      failing = { from: Number.POSITIVE_INFINITY, seen: 0 };
      expect(["done", "wasm.instance_not_found"]).toContain(await scene.codeOf(remove(id)));
      await runtime.services.instanceRetention.run();
      expect(await keysOf(id)).toBe(0);
      expect(await storedBytes()).toBe(0);
      expect((await logOf(id)).filter((type) => type === "instance_deleted")).toHaveLength(1);
    }
  });

  it("comes by itself 30 days after its stop, by the daily job; those that run stay", async () => {
    const running = (await scene.start()).metadata.instance_id;
    const { metadata } = await scene.start();
    const id = metadata.instance_id;
    await stop(id);
    await clock.advance(29 * DAY_MS);
    const first = await logRetention.run(runtime.services);
    expect(first).toMatchObject({ deleted_instances: 0, failed: 0 });
    // The log of a tenant without executions is exported too.
    expect(first["exported_days"]).toBeGreaterThan(0);
    await clock.advance(DAY_MS);
    expect(await logRetention.run(runtime.services)).toMatchObject({ deleted_instances: 1, failed: 0 });
    const { instances } = runtime.services;
    expect(await scene.codeOf(instances.get(runtime.tenantId, id))).toBe("wasm.instance_not_found");
    expect((await instances.get(runtime.tenantId, running)).metadata.status).toBe("running");
    expect(await scene.invoke(running, {})).toBe(-2);
    expect(await storedBytes()).toBeGreaterThan(0);
  });
});

describe("an idempotency key", () => {
  it("makes one instance of one body, however often and however many ask at once", async () => {
    const idempotencyKey = "a key of any length ".repeat(12);
    const total = async () => (await runtime.services.instances.list(runtime.tenantId, undefined, { limit: 1 })).total;
    const before = await total();
    const made = await Promise.all(Array.from({ length: 8 }, () => scene.start({ idempotencyKey, capabilities: KV })));
    const ids = new Set(made.map(({ metadata }) => metadata.instance_id));
    expect(ids.size).toBe(1);
    expect((await scene.start({ idempotencyKey, capabilities: KV })).metadata.instance_id).toBe([...ids][0]);
    expect(await total()).toBe(before + 1);
    expect(await logOf([...ids][0] ?? "")).toEqual(["instance_started"]);
  });

  it("is refused with another body, and is another key to another tenant", async () => {
    const first = await scene.start({ idempotencyKey: "k" });
    await expect(scene.start({ idempotencyKey: "k", capabilities: KV })).rejects.toMatchObject({
      code: "idempotency.other_body",
      status: 422,
      details: { instance_id: first.metadata.instance_id },
    });
    const other = await scene.start({ idempotencyKey: "k", capabilities: KV, tenantId: rival });
    expect(other.metadata.instance_id).not.toBe(first.metadata.instance_id);
  });

  it("whose instance was deleted makes no other one for a day, and then it is new", async () => {
    const { metadata } = await scene.start({ idempotencyKey: "gone" });
    await stop(metadata.instance_id);
    await remove(metadata.instance_id);
    expect(await scene.codeOf(scene.start({ idempotencyKey: "gone" }))).toBe("wasm.instance_not_found");
    await clock.advance(DAY_MS);
    await runtime.services.instanceRetention.run();
    expect((await scene.start({ idempotencyKey: "gone" })).metadata.status).toBe("running");
  });
});
