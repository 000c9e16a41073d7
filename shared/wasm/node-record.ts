import * as z from "zod";

import { idSchemas, type InstanceId, type TenantId } from "../ids.ts";
import type { RecordKind } from "../state/record-kind.ts";
import { wasmNodeSchema } from "./placement.ts";

/** A runner at an address of its own, as it last told of itself; how many instances it has is ours to count. */
export const nodeRecordSchema = wasmNodeSchema.extend({ url: z.url() });
export type NodeRecord = Readonly<z.infer<typeof nodeRecordSchema>>;

export const nodeKind: RecordKind<NodeRecord> = { name: "wasm_node", schema: nodeRecordSchema, facets: () => [] };

/** Where an instance is counted: written with the node's number in one commit, before the record of the instance. */
export const placementRecordSchema = z.object({
  tenant_id: z.string().min(1),
  instance_id: idSchemas.instance,
  node_id: idSchemas.node,
  placed_ms: z.int().nonnegative(),
});
export type PlacementRecord = Readonly<z.infer<typeof placementRecordSchema>>;

export const placementKind: RecordKind<PlacementRecord> = {
  name: "wasm_placement",
  schema: placementRecordSchema,
  facets: ({ node_id }) => [nodeFacet(node_id)],
};

export function nodeFacet(nodeId: string): string {
  return `node=${nodeId}`;
}

export function placementId(tenantId: TenantId, instanceId: InstanceId): string {
  return `${tenantId}/${instanceId}`;
}
