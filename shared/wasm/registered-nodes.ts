import type { Clock } from "../clock.ts";
import { type NodeId, trustedTenantId } from "../ids.ts";
import { durationMs } from "../duration.ts";
import type { Logger } from "../logger.ts";
import type { Runners } from "../ports/wasm-runners.ts";
import type { GuestPool } from "../ports/wasm-runtime.ts";
import type { ProviderType } from "../ports/wasm-capabilities.ts";
import { createGuestRunner, type GuestRun } from "./guest-runner.ts";
import type { InstanceNodes, Unsettled } from "./instance-nodes.ts";
import type { NodeRecord, PlacementRecord } from "./node-record.ts";
import { type Heartbeat, type NodeRegistry, nowhere } from "./node-registry.ts";
import { isLost, placeInstance } from "./placement.ts";

/** How long what was read of the nodes is believed. Safety does not hang on it: that is the epochs'. */
const FRESH_MS = 1_000;
/** How many instances of a lost node are moved in one pass. */
const BATCH = 100;
/** How often some placements are compared with their instances: what a crash between two commits has left behind. */
const COMPARE_EVERY_MS = durationMs("60s");
const NOTHING = { log: "", logTruncated: false, runMs: 0 };

export interface RegisteredNodesDeps {
  readonly registry: NodeRegistry;
  readonly runners: Runners;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Nodes that register, each at an address of its own (ADR 0030).
 *  R1  A node that does not answer gets nothing new from this process until it has told of itself again: what it runs is placed elsewhere.
 *  R2  Calls under way on a node that is lost are given up; those of another that answers at its address are not.
 *  R3  Of a node that is no longer on the register this process keeps nothing, whoever struck it off.
 */
export interface RegisteredNodes extends InstanceNodes {
  /** A node tells of itself. */
  heartbeat(heartbeat: Heartbeat): Promise<void>;
}

export function createRegisteredNodes({ registry, runners, clock, logger }: RegisteredNodesDeps): RegisteredNodes {
  let known: { readonly nodes: Promise<readonly NodeRecord[]>; readonly sinceMs: number } | undefined;
  /** Since when a node did not answer. */
  const silent = new Map<NodeId, number>();

  let listed: readonly NodeRecord[] = [];
  const read = async (): Promise<readonly NodeRecord[]> => {
    const found = await registry.nodes();
    const [ids, urls] = [new Set(found.map(({ node_id }) => node_id)), new Set(found.map(({ url }) => url))];
    for (const { node_id, url } of listed) {
      if (!ids.has(node_id)) silent.delete(node_id);
      if (!urls.has(url)) runners.abandon(url);
    }
    listed = found;
    return found;
  };
  const nodes = (): Promise<readonly NodeRecord[]> => {
    if (known !== undefined && clock.now() - known.sinceMs < FRESH_MS) return known.nodes;
    const asked = read();
    known = { nodes: asked, sinceMs: clock.now() };
    asked.catch(() => {
      known = undefined;
    });
    return asked;
  };
  const isSilent = ({ node_id, last_heartbeat_ms }: NodeRecord): boolean =>
    last_heartbeat_ms <= (silent.get(node_id) ?? Number.NEGATIVE_INFINITY);
  const isThere = (node: NodeRecord): boolean => !isLost(node, clock.now()) && !isSilent(node);

  /** A node for something that is not an instance: it may be full. */
  const choose = async (providers: readonly ProviderType[]): Promise<NodeRecord> => {
    const there = (await nodes()).filter(isThere);
    const open = there.map((node) => ({ ...node, max_instances: Number.POSITIVE_INFINITY }));
    const placement = placeInstance(open, providers, clock.now());
    if (placement.outcome === "nowhere") throw nowhere(placement.reason);
    const chosen = there.find(({ node_id }) => node_id === placement.nodeId);
    if (chosen === undefined) throw nowhere("no_node");
    return chosen;
  };
  const poolOf = ({ node_id, url }: NodeRecord): Pick<GuestPool, "admit" | "invoke"> => {
    const pool = runners.at(url);
    const notice = (reason: string): void => {
      if (reason !== "node_lost" && reason !== "node_unreachable") return;
      silent.set(node_id, clock.now());
      logger.warn("a node does not answer", { node_id, url, reason });
    };
    return {
      admit: async (...module) => {
        const admission = await pool.admit(...module);
        if (admission.outcome === "refused") notice(admission.refusal.reason);
        return admission;
      },
      invoke: async (invocation) => {
        const outcome = await pool.invoke(invocation);
        if (outcome.outcome === "failed") notice(outcome.failure.reason);
        return outcome;
      },
    };
  };

  let comparedMs = clock.now();
  let compareFrom: string | undefined;
  const someToCompare = async (): Promise<readonly PlacementRecord[]> => {
    if (clock.now() - comparedMs < COMPARE_EVERY_MS) return [];
    comparedMs = clock.now();
    const page = await registry.placements(compareFrom, BATCH);
    compareFrom = page.nextCursor;
    return page.items;
  };

  return {
    heartbeat: (heartbeat) => registry.heartbeat(heartbeat),
    unsettled: async () => {
      const all = await read();
      const lost = all.filter((node) => isLost(node, clock.now()));
      const served = new Set(all.filter((node) => !lost.includes(node)).map(({ url }) => url));
      const placed = await Promise.all(
        lost.map(async ({ node_id, url }) => {
          if (!served.has(url)) runners.abandon(url);
          const placements = await registry.placementsOn(node_id, BATCH);
          if (placements.length === 0) await registry.forget(node_id);
          return placements;
        }),
      );
      return [...placed.flat(), ...(await someToCompare())].map(unsettledOf);
    },
    admit: async (tenantId, module) => {
      const first = await poolOf(await choose([])).admit(tenantId, module);
      if (first.outcome === "admitted" || first.refusal.reason !== "node_lost") return first;
      return poolOf(await choose([])).admit(tenantId, module);
    },
    choose: async (providers) => (await choose(providers)).node_id,
    place: async (instance) => {
      const unusable = (await nodes()).filter(isSilent).map(({ node_id }) => node_id);
      const nodeId = await registry.place(instance, new Set(unusable));
      // It was chosen by what is in the store now, which may be news here.
      known = undefined;
      return nodeId;
    },
    release: (tenantId, instanceId) => registry.release(tenantId, instanceId),
    isThere: async (nodeId) => {
      const node = (await nodes()).find(({ node_id }) => node_id === nodeId);
      return node !== undefined && isThere(node);
    },

    run: async (nodeId, call, broker): Promise<GuestRun> => {
      const node = (await nodes()).find(({ node_id }) => node_id === nodeId);
      if (node === undefined) {
        const failure = { reason: "node_unreachable", message: "The node is gone." } as const;
        return { outcome: "failed", failure, report: NOTHING };
      }
      return createGuestRunner({ pool: poolOf(node), broker }).run(call);
    },
  };
}

function unsettledOf({ tenant_id, instance_id, placed_ms }: PlacementRecord): Unsettled {
  return { tenantId: trustedTenantId(tenant_id), instanceId: instance_id, placedMs: placed_ms };
}
