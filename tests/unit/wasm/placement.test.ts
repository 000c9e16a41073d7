import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { asId } from "../../../shared/ids.ts";
import { PROVIDER_TYPES } from "../../../shared/ports/wasm-capabilities.ts";
import { isLost, placeInstance, wasmNodeSchema, type WasmNode } from "../../../shared/wasm/placement.ts";

const NOW_MS = 1_000_000;
const HEARTBEAT_EVERY_MS = 10_000;
function node(name: string, more: Partial<WasmNode> = {}): WasmNode {
  return wasmNodeSchema.parse({
    node_id: asId.node(name),
    max_instances: 10,
    active_instances: 0,
    provider_types: ["kv"],
    accepting: true,
    heartbeat_every_ms: HEARTBEAT_EVERY_MS,
    last_heartbeat_ms: NOW_MS,
    ...more,
  });
}

describe("placing an instance", () => {
  it("goes to the node with the fewest active ones", () => {
    const nodes = [
      node("a", { active_instances: 4 }),
      node("b", { active_instances: 2 }),
      node("c", { active_instances: 3 }),
    ];
    expect(placeInstance(nodes, ["kv"], NOW_MS)).toEqual({ outcome: "placed", nodeId: "b" });
  });

  it("says what is missing", () => {
    const reasons = [[], [node("a")], [node("a", { active_instances: 10 })]].map((nodes, index) =>
      placeInstance(nodes, index === 1 ? ["http"] : ["kv"], NOW_MS),
    );
    expect(reasons).toEqual(["no_node", "no_provider", "no_room"].map((reason) => ({ outcome: "nowhere", reason })));
    expect(placeInstance([node("a", { accepting: false })], [], NOW_MS)).toMatchObject({ reason: "no_node" });
  });

  it("a node is lost after three missed heartbeats, not before", () => {
    expect(isLost(node("a", { last_heartbeat_ms: NOW_MS - 3 * HEARTBEAT_EVERY_MS + 1 }), NOW_MS)).toBe(false);
    expect(isLost(node("a", { last_heartbeat_ms: NOW_MS - 3 * HEARTBEAT_EVERY_MS }), NOW_MS)).toBe(true);
  });

  it("never chooses a node that is lost, full, closed or lacks a provider, and finds one whenever there is one", () => {
    const nodes = fc.uniqueArray(
      fc.record({
        node_id: fc.constantFrom("a", "b", "c", "d", "e").map(asId.node),
        max_instances: fc.nat(3),
        active_instances: fc.nat(3),
        provider_types: fc.subarray([...PROVIDER_TYPES]),
        accepting: fc.boolean(),
        heartbeat_every_ms: fc.constant(HEARTBEAT_EVERY_MS),
        last_heartbeat_ms: fc.integer({ min: NOW_MS - 40_000, max: NOW_MS }),
      }),
      { selector: ({ node_id }) => node_id },
    );
    fc.assert(
      fc.property(nodes, fc.subarray([...PROVIDER_TYPES]), (all, providers) => {
        const fits = (each: WasmNode): boolean =>
          each.accepting &&
          !isLost(each, NOW_MS) &&
          each.active_instances < each.max_instances &&
          providers.every((type) => each.provider_types.includes(type));
        const placement = placeInstance(all, providers, NOW_MS);
        const fitting = all.filter(fits);
        expect(placement.outcome).toBe(fitting.length > 0 ? "placed" : "nowhere");
        if (placement.outcome === "nowhere") return;
        const chosen = fitting.find(({ node_id }) => node_id === placement.nodeId);
        expect(chosen?.active_instances).toBe(Math.min(...fitting.map(({ active_instances }) => active_instances)));
      }),
    );
  });
});
