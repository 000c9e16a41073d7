import { asId, type NodeId } from "../ids.ts";
import type { GuestPool } from "../ports/wasm-runtime.ts";
import { createGuestRunner } from "./guest-runner.ts";
import type { InstanceNodes } from "./instance-nodes.ts";

/** The node of every process that runs guests itself: they are the same to an instance, which keeps nothing in any of them. */
export const LOCAL_NODE: NodeId = asId.node("node_local");
/** A runner service that scales by itself is one node, whichever of its containers a call comes to. */
export const SERVICE_NODE: NodeId = asId.node("node_service");

/** The only node: nothing to register, to place or to lose. */
export function createSingleNode(nodeId: NodeId, pool: Pick<GuestPool, "admit" | "invoke">): InstanceNodes {
  return {
    admit: (tenantId, module) => pool.admit(tenantId, module),
    choose: () => Promise.resolve(nodeId),
    place: () => Promise.resolve(nodeId),
    release: () => Promise.resolve(),
    // Whatever an instance's record says: there is no other, and it keeps nothing of them.
    isThere: () => Promise.resolve(true),
    unsettled: () => Promise.resolve([]),
    run: (_nodeId, call, broker) => createGuestRunner({ pool, broker }).run(call),
  };
}
