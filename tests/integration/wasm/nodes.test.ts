import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import type { InstanceId } from "../../../shared/ids.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { DEFAULT_RESTART_POLICY } from "../../../shared/wasm/instance.ts";
import { withParts } from "../../kit/parts.ts";
import { openRedisStore, type RedisParts, startRedisParts } from "../../kit/redis-parts.ts";
import { testIds } from "../../kit/runtime.ts";
import { type TemporaryFolder, temporaryFolder } from "../../kit/temporary-folder.ts";
import { openInstanceScene } from "../../kit/wasm/instance-scene.ts";
import { openPlaneScene, type PlaneScene } from "../../kit/wasm/plane-scene.ts";
import { PLODDING, reactor } from "../../kit/wasm/wat.ts";

const KV = [{ providerType: "kv", permissions: ["kv:read", "kv:write"] }] as const;
const set = (value: number) => ({ provider: "kv", operation: "set", params: { key: "k", value } });
const get = { provider: "kv", operation: "get", params: { key: "k" } };

let folder: TemporaryFolder;
let scene: PlaneScene;

const nodeOf = async (id: InstanceId) =>
  (await scene.runtime.services.instances.get(scene.runtime.tenantId, id)).metadata.node_id;
const factsOf = async (id: InstanceId) => (await scene.instances.facts(id)).map(({ fact_type }) => fact_type);

/** The scenes of this file over one kind of store. */
function onStore(name: string, open: () => ExecutionStore, more: () => void = () => undefined): void {
  describe(`nodes that register, over ${name}`, () => {
    let store: ExecutionStore;
    beforeEach(async () => {
      folder = await temporaryFolder();
      store = open();
      scene = await openPlaneScene(2, { store, folder: folder.path });
    });
    afterEach(async () => {
      await scene[Symbol.asyncDispose]();
      await store.close();
      await folder[Symbol.asyncDispose]();
    });

    it("get instances by turns, and count them until they are stopped", async () => {
      const records = [];
      for (let index = 0; index < 4; index += 1) records.push(await scene.instances.start({ capabilities: KV }));
      expect((await scene.nodes()).map(({ active_instances }) => active_instances)).toEqual([2, 2]);
      for (const { metadata } of records) {
        expect(await scene.instances.invoke(metadata.instance_id, set(1))).toBeNull();
        await scene.runtime.services.instances.stop(scene.runtime.tenantId, metadata.instance_id, testIds.trace());
      }
      expect((await scene.nodes()).map(({ active_instances }) => active_instances)).toEqual([0, 0]);
    });

    it("12: a node that is killed under load leaves the others' instances alone, and its own go on elsewhere, once", async () => {
      const records = await Promise.all(Array.from({ length: 6 }, () => scene.instances.start({ capabilities: KV })));
      const ids = records.map(({ metadata }) => metadata.instance_id);
      for (const id of ids) await scene.instances.invoke(id, set(7));
      const victim = records[0]?.metadata.node_id ?? "";
      const hit = records
        .filter(({ metadata }) => metadata.node_id === victim)
        .map(({ metadata }) => metadata.instance_id);
      const runner = await scene.runnerOf(victim);
      let isOver = false;
      const codes = new Map<InstanceId, Set<string>>(ids.map((id) => [id, new Set()]));
      const load = ids.map(async (id) => {
        while (!isOver) {
          codes.get(id)?.add(await scene.instances.codeOf(scene.instances.invoke(id, get)));
          // What fails at once must not keep the heartbeats out.
          await setImmediate();
        }
      });
      await runner.kill();
      for (const id of ids) await vi.waitUntil(async () => (await nodeOf(id)) !== victim, 20_000);
      isOver = true;
      await Promise.all(load);
      for (const id of ids) {
        expect(await scene.instances.invoke(id, get)).toBe(7);
        const moved = hit.includes(id);
        expect(await factsOf(id)).toEqual(moved ? ["instance_started", "instance_restarted"] : ["instance_started"]);
        const allowed = moved ? ["done", "wasm.resource_exhausted"] : ["done"];
        expect(allowed).toEqual(expect.arrayContaining([...(codes.get(id) ?? [])]));
      }
    });

    it("17: one that froze in the middle of a call and wakes after its instance was moved changes nothing any more", async () => {
      const module = await reactor(PLODDING);
      const { services, tenantId } = scene.runtime;
      const { metadata } = await services.instances.create({
        tenantId,
        module,
        restartPolicy: DEFAULT_RESTART_POLICY,
        capabilities: KV,
        traceId: testIds.trace(),
      });
      const id = metadata.instance_id;
      const valueOf = async () => (await store.readRecord(tenantId, "wasm_kv", `${id}/k`))?.body["value"];
      // This process does not sweep: its stream to the frozen node stays open, and what comes on it is judged by its epoch alone.
      const late = services.instances
        .invoke({
          tenantId,
          instanceId: id,
          export: undefined,
          input: set(1),
          deadlineMs: 30_000,
          traceId: testIds.trace(),
        })
        .then(
          ({ output }) => output,
          (error: unknown) => error,
        );
      await vi.waitUntil(async () => (await valueOf()) === 1, 20_000);
      const runner = await scene.runnerOf(metadata.node_id);
      runner.pause();
      await using other = await scene.another();
      await vi.waitUntil(async () => (await other.services.restarts.sweep()) === 1, 20_000);
      expect(await nodeOf(id)).not.toBe(metadata.node_id);
      const moved = await openInstanceScene(other);
      expect(await moved.invoke(id, set(2))).toBeNull();
      expect(await valueOf()).toBe(2);
      runner.resume();
      // CAPABILITY_NOT_FOUND is what the guest got for its second write, and what it gave.
      expect(await late).toBe(-4);
      expect(await valueOf()).toBe(2);
      expect(await factsOf(id)).toEqual(["instance_started", "instance_restarted"]);
    });

    it("hand their instances over at once when they are stopped in good order", async () => {
      const { metadata } = await scene.instances.start({ capabilities: KV });
      const id = metadata.instance_id;
      await scene.instances.invoke(id, set(7));
      await (await scene.runnerOf(metadata.node_id)).stop();
      // Its last word is there before the lease could be over.
      expect((await scene.nodes()).find(({ node_id }) => node_id === metadata.node_id)?.last_heartbeat_ms ?? 0).toBe(0);
      expect(await scene.instances.invoke(id, get)).toBe(7);
      expect(await nodeOf(id)).not.toBe(metadata.node_id);
    });

    more();
  });
}

onStore(
  "SQLite",
  () => createSqliteStore(join(folder.path, "runtime.db")),
  () => {
    it("11: leave nothing in the shared store but nodes, placements, instances with their assignments, keys, modules and facts", async () => {
      const { metadata } = await scene.instances.start({ capabilities: KV });
      await scene.instances.invoke(metadata.instance_id, set(1));
      await (await scene.runnerOf(metadata.node_id)).kill();
      await vi.waitUntil(async () => (await scene.runtime.services.restarts.sweep()) === 1, 20_000);
      const database = new DatabaseSync(join(folder.path, "runtime.db"), { readOnly: true });
      const kinds = database.prepare("SELECT DISTINCT kind FROM records").all() as { readonly kind: string }[];
      expect(
        kinds
          .map(({ kind }) => kind)
          .filter((kind) => kind.startsWith("wasm"))
          .toSorted(),
      ).toEqual(["wasm_instance", "wasm_kv", "wasm_module", "wasm_node", "wasm_placement", "wasm_tenant"]);
      database.close();
    });
  },
);

withParts(["redis"], () => {
  let redis: RedisParts;
  beforeAll(async () => {
    redis = await startRedisParts();
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  onStore("Redis", () => openRedisStore(redis.tcp()));
});
