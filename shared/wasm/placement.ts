import * as z from "zod";

import { idSchemas, type NodeId } from "../ids.ts";
import { PROVIDER_TYPES, type ProviderType } from "../ports/wasm-capabilities.ts";

const MISSED_UNTIL_LOST = 3;

/** An agent that runs instances, as it last told of itself. */
export const wasmNodeSchema = z.object({
  node_id: idSchemas.node,
  max_instances: z.int().min(0),
  active_instances: z.int().min(0),
  provider_types: z.array(z.enum(PROVIDER_TYPES)),
  /** Whether it takes new instances; one that is about to stop does not. */
  accepting: z.boolean(),
  /** How often it tells of itself. */
  heartbeat_every_ms: z.int().positive(),
  last_heartbeat_ms: z.int().nonnegative(),
});
export type WasmNode = Readonly<z.infer<typeof wasmNodeSchema>>;

/** A node is lost once three heartbeats in a row did not come. */
export function isLost({ last_heartbeat_ms, heartbeat_every_ms }: WasmNode, nowMs: number): boolean {
  return nowMs - last_heartbeat_ms >= MISSED_UNTIL_LOST * heartbeat_every_ms;
}

export type Placement =
  | { readonly outcome: "placed"; readonly nodeId: NodeId }
  /** The first demand that no node meets. */
  | { readonly outcome: "nowhere"; readonly reason: "no_node" | "no_provider" | "no_room" };

/** The node for one more instance: alive and accepting, with these providers and room; of those the one with the fewest active. */
export function placeInstance(
  nodes: readonly WasmNode[],
  providers: readonly ProviderType[],
  nowMs: number,
): Placement {
  const alive = nodes.filter((node) => node.accepting && !isLost(node, nowMs));
  const able = alive.filter(({ provider_types }) => providers.every((type) => provider_types.includes(type)));
  const roomy = able.filter(({ active_instances, max_instances }) => active_instances < max_instances);
  const [best] = roomy.toSorted((a, b) => a.active_instances - b.active_instances || (a.node_id < b.node_id ? -1 : 1));
  if (best !== undefined) return { outcome: "placed", nodeId: best.node_id };
  const reason = alive.length === 0 ? "no_node" : able.length === 0 ? "no_provider" : "no_room";
  return { outcome: "nowhere", reason };
}
