import type { Clock } from "../clock.ts";
import type { InstanceId, NodeId, TenantId } from "../ids.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import type { Page } from "../ports/paging.ts";
import type { ProviderType } from "../ports/wasm-capabilities.ts";
import { ALL } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { atTheRightTime } from "../store-clock.ts";
import { wasmError } from "../wasm-error.ts";
import {
  nodeFacet,
  nodeKind,
  type NodeRecord,
  placementId,
  placementKind,
  type PlacementRecord,
} from "./node-record.ts";
import type { PlacedInstance } from "./instance-nodes.ts";
import type { NodeState } from "./node-agent.ts";
import { isLost, placeInstance, type Placement } from "./placement.ts";
import { PLATFORM } from "./plane-records.ts";

/** How often a change that another one overtook is decided anew. */
const ATTEMPTS = 32;
/** More nodes than this nobody has; a listing is one page. */
const MAX_NODES = 1_000;

/** What a node tells of itself. */
export interface Heartbeat {
  readonly nodeId: NodeId;
  readonly url: string;
  readonly providers: readonly ProviderType[];
  readonly maxInstances: number;
  readonly heartbeatEveryMs: number;
  readonly state: NodeState;
}

/**
 * The nodes in the shared store, and which instance counts on which of them. Every process of the control side reads and writes the
 * same records and holds none of its own.
 *  N1  A node's number of instances and the placement that it counts change in one commit: it never has more than it takes.
 *  N2  An instance is placed once, whatever asks and how often: it stays where it is until that node is lost, or is to be avoided.
 *  N3  A node that has not told of itself three times running is lost. Its time is the control side's, not its own.
 */
export interface NodeRegistry {
  heartbeat(heartbeat: Heartbeat): Promise<void>;
  nodes(): Promise<readonly NodeRecord[]>;
  /** Throws RESOURCE_EXHAUSTED where no node takes it. `avoid`: nodes that do not answer. */
  place(instance: PlacedInstance, avoid: ReadonlySet<NodeId>): Promise<NodeId>;
  /** Counts the instance nowhere any more. */
  release(tenantId: TenantId, instanceId: InstanceId): Promise<void>;
  placementsOn(nodeId: NodeId, limit: number): Promise<readonly PlacementRecord[]>;
  placements(cursor: string | undefined, limit: number): Promise<Page<PlacementRecord>>;
  /** Forgets a node that is lost and has nothing placed on it any more. */
  forget(nodeId: NodeId): Promise<void>;
}

export interface NodeRegistryDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly clock: Clock;
}

type Decision<Result> =
  | { readonly next: "write" | "leave"; readonly result: Result }
  /** What was read does not fit together: it is being changed. */
  | { readonly next: "again" };

export function createNodeRegistry({ store, surface, clock }: NodeRegistryDeps): NodeRegistry {
  /** Decides on what the unit reads, and writes what it was given, until nobody was faster. */
  const change = async <Result>(decide: (unit: UnitOfWork) => Promise<Decision<Result>>): Promise<Result> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const unit = new UnitOfWork(surface, PLATFORM, clock.now());
      const decision = await decide(unit);
      if (decision.next === "leave") return decision.result;
      if (decision.next === "again") continue;
      const { outcome } = await store.write(PLATFORM, { ...NO_CHANGE, records: unit.records });
      if (outcome === "written") return decision.result;
    }
    throw wasmError("RESOURCE_EXHAUSTED", "Too many instances are placed at once; come again.", {
      reason: "contended",
    });
  };

  const nodes = async (): Promise<readonly NodeRecord[]> =>
    (await surface.list(PLATFORM, nodeKind, ALL, { limit: MAX_NODES })).items.map(({ value }) => value);

  const count = async (unit: UnitOfWork, nodeId: NodeId, more: 1 | -1): Promise<NodeRecord | undefined> => {
    const node = await unit.get(nodeKind, nodeId);
    if (node === undefined) return undefined;
    const counted = { ...node, active_instances: Math.max(0, node.active_instances + more) };
    unit.put(nodeKind, nodeId, counted);
    return counted;
  };

  return {
    heartbeat: ({ nodeId, url, providers, maxInstances, heartbeatEveryMs, state }) =>
      atTheRightTime(clock, (nowMs) =>
        change(async (unit) => {
          const known = await unit.get(nodeKind, nodeId);
          if (known === undefined && state === "gone") return { next: "leave", result: undefined };
          unit.put(nodeKind, nodeId, {
            node_id: nodeId,
            url,
            max_instances: maxInstances,
            active_instances: known?.active_instances ?? 0,
            provider_types: [...providers],
            accepting: state === "serving",
            heartbeat_every_ms: heartbeatEveryMs,
            last_heartbeat_ms: state === "gone" ? 0 : nowMs,
          });
          return { next: "write", result: undefined };
        }),
      ),

    nodes,

    place: ({ tenantId, instanceId, providers }, avoid) =>
      change(async (unit) => {
        const id = placementId(tenantId, instanceId);
        const placed = await unit.get(placementKind, id);
        const nowMs = clock.now();
        const answering = (await nodes()).filter((node) => !avoid.has(node.node_id));
        const current = answering.find(({ node_id }) => node_id === placed?.node_id);
        if (current !== undefined && !isLost(current, nowMs)) return { next: "leave", result: current.node_id };
        const nodeId = placedOn(placeInstance(answering, providers, nowMs));
        const node = await count(unit, nodeId, 1);
        // It has gone, or filled up, since it was listed.
        if (node === undefined || node.active_instances > node.max_instances) return { next: "again" };
        if (placed !== undefined) await count(unit, placed.node_id, -1);
        unit.put(placementKind, id, {
          tenant_id: tenantId,
          instance_id: instanceId,
          node_id: nodeId,
          placed_ms: nowMs,
        });
        return { next: "write", result: nodeId };
      }),

    release: (tenantId, instanceId) =>
      change(async (unit) => {
        const id = placementId(tenantId, instanceId);
        const placed = await unit.get(placementKind, id);
        if (placed === undefined) return { next: "leave", result: undefined };
        unit.delete(placementKind, id);
        await count(unit, placed.node_id, -1);
        return { next: "write", result: undefined };
      }),

    placementsOn: async (nodeId, limit) =>
      (await surface.list(PLATFORM, placementKind, nodeFacet(nodeId), { limit })).items.map(({ value }) => value),

    placements: async (cursor, limit) => {
      const page = await surface.list(PLATFORM, placementKind, ALL, { limit, cursor });
      return { ...page, items: page.items.map(({ value }) => value) };
    },

    forget: (nodeId) =>
      change(async (unit) => {
        const node = await unit.get(nodeKind, nodeId);
        const isOver = node !== undefined && isLost(node, clock.now()) && node.active_instances === 0;
        if (isOver) unit.delete(nodeKind, nodeId);
        return { next: isOver ? "write" : "leave", result: undefined };
      }),
  };
}

function placedOn(placement: Placement): NodeId {
  if (placement.outcome === "placed") return placement.nodeId;
  throw nowhere(placement.reason);
}

const WHY: Readonly<Record<Extract<Placement, { readonly outcome: "nowhere" }>["reason"], string>> = {
  no_node: "No node that runs guests is there.",
  no_provider: "No node that is there has all providers that are asked for.",
  no_room: "Every node has as many instances as it takes.",
};

export function nowhere(reason: keyof typeof WHY) {
  return wasmError("RESOURCE_EXHAUSTED", `${WHY[reason]} Try again.`, { reason });
}
