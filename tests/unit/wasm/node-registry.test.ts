import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { createNodeRegistry } from "../../../shared/wasm/node-registry.ts";
import { isLost } from "../../../shared/wasm/placement.ts";
import { createManualClock } from "../manual-clock.ts";

const EVERY_MS = 10_000;
const NODES = ["node_a", "node_b", "node_c"].map(asId.node);
const TENANTS = ["acme", "rival"].map(trustedTenantId);
const INSTANCES = ["instance_1", "instance_2", "instance_3"].map(asId.instance);

const anyInstance = fc.record({
  tenantId: fc.constantFrom(...TENANTS),
  instanceId: fc.constantFrom(...INSTANCES),
});
const anyDeed = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("heartbeat" as const),
      nodeId: fc.constantFrom(...NODES),
      state: fc.constantFrom("serving" as const, "serving" as const, "draining" as const, "gone" as const),
    }),
  },
  {
    weight: 4,
    // Side by side, as control processes ask.
    arbitrary: fc.record({ kind: fc.constant("place" as const), all: fc.array(anyInstance, { maxLength: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("release" as const), one: anyInstance }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const), nodeId: fc.constantFrom(...NODES) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 9_999, 30_000) }) },
);

function openRegistry() {
  const store = createSqliteStore(":memory:");
  const clock = createManualClock();
  const registry = createNodeRegistry({ store, surface: createStateSurface(store), clock });
  const beat = (nodeId: (typeof NODES)[number], state: "serving" | "draining" | "gone" = "serving", maxInstances = 2) =>
    registry.heartbeat({
      nodeId,
      url: `http://127.0.0.1:1/${nodeId}`,
      providers: ["kv"],
      maxInstances,
      heartbeatEveryMs: EVERY_MS,
      state,
    });
  return { store, clock, registry, beat };
}

const one = { tenantId: TENANTS[0] ?? trustedTenantId("acme"), instanceId: asId.instance("instance_1") };

describe("the registry of nodes", () => {
  it("N1, N2: counts every placement once, on a node that takes it, whatever comes and goes and who asks at the same time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyDeed, { minLength: 10, maxLength: 40 }), async (deeds) => {
        const { store, clock, registry, beat } = openRegistry();
        for (const deed of deeds) {
          switch (deed.kind) {
            case "heartbeat":
              await beat(deed.nodeId, deed.state);
              break;
            case "place": {
              const asked = deed.all.map((each) => registry.place({ ...each, providers: ["kv"] }, new Set()));
              const placed = await Promise.allSettled(asked);
              const there = new Map((await registry.nodes()).map((node) => [node.node_id, node]));
              for (const each of placed) {
                if (each.status === "rejected")
                  expect(each.reason).toMatchObject({ code: "wasm.resource_exhausted", retryable: true });
                else expect(isLost(there.get(each.value) as never, clock.now())).toBe(false);
              }
              break;
            }
            case "release":
              await registry.release(deed.one.tenantId, deed.one.instanceId);
              break;
            case "forget":
              await registry.forget(deed.nodeId);
              break;
            case "wait":
              await clock.advance(deed.ms);
          }
          const { items } = await registry.placements(undefined, 100);
          for (const { node_id, active_instances, max_instances } of await registry.nodes()) {
            expect(active_instances).toBe(items.filter((each) => each.node_id === node_id).length);
            expect(active_instances).toBeLessThanOrEqual(max_instances);
            expect((await registry.placementsOn(node_id, 100)).length).toBe(active_instances);
          }
        }
        await store.close();
      }),
      { numRuns: 25 },
    );
  });

  it("N2: leaves an instance where it is, and moves it once its node is lost or to be avoided", async () => {
    const { clock, registry, beat } = openRegistry();
    const [a, b] = NODES;
    if (a === undefined || b === undefined) throw new Error("There are two.");
    await beat(a);
    expect(await registry.place({ ...one, providers: [] }, new Set())).toBe(a);
    await beat(b);
    expect(await registry.place({ ...one, providers: [] }, new Set())).toBe(a);
    expect(await registry.place({ ...one, providers: [] }, new Set([a]))).toBe(b);
    expect((await registry.nodes()).map(({ node_id, active_instances }) => [node_id, active_instances])).toEqual(
      expect.arrayContaining([
        [a, 0],
        [b, 1],
      ]),
    );
    await clock.advance(3 * EVERY_MS - 1);
    await beat(a);
    expect(await registry.place({ ...one, providers: [] }, new Set())).toBe(b);
    await clock.advance(1);
    expect(await registry.place({ ...one, providers: [] }, new Set())).toBe(a);
  });

  it("says why there is no node: none, none with the provider, none with room", async () => {
    const { registry, beat } = openRegistry();
    const [a] = NODES;
    if (a === undefined) throw new Error("There is one.");
    const reason = (providers: readonly ("kv" | "http")[]) =>
      registry.place({ ...one, providers }, new Set()).then(
        () => "placed",
        (error: unknown) => (error as { readonly details: { readonly reason: string } }).details.reason,
      );
    expect(await reason([])).toBe("no_node");
    await beat(a, "serving", 0);
    expect(await reason(["http"])).toBe("no_provider");
    expect(await reason(["kv"])).toBe("no_room");
    await beat(a, "draining");
    expect(await reason(["kv"])).toBe("no_node");
  });
});
