import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { InstanceId } from "../../../shared/ids.ts";
import { testIds } from "../../kit/runtime.ts";
import { openPlaneScene, type PlaneScene } from "../../kit/wasm/plane-scene.ts";

const KV = [{ providerType: "kv", permissions: ["kv:read", "kv:write"] }] as const;
const set = (value: number) => ({ provider: "kv", operation: "set", params: { key: "k", value } });
const get = { provider: "kv", operation: "get", params: { key: "k" } };

let scene: PlaneScene;
beforeEach(async () => {
  scene = await openPlaneScene(2);
});
afterEach(() => scene[Symbol.asyncDispose]());

const nodeOf = async (id: InstanceId) =>
  (await scene.runtime.services.instances.get(scene.runtime.tenantId, id)).metadata.node_id;
const factsOf = async (id: InstanceId) => (await scene.instances.facts(id)).map(({ fact_type }) => fact_type);

describe("nodes that register", () => {
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
      while (!isOver) codes.get(id)?.add(await scene.instances.codeOf(scene.instances.invoke(id, get)));
    });
    await runner.kill();
    for (const id of ids) await vi.waitUntil(async () => (await nodeOf(id)) !== victim, 10_000);
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
});
