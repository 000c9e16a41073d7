import type { Clock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import { RuntimeError } from "../errors.ts";
import { type Ids, type TraceId, trustedTenantId } from "../ids.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { InstanceLedger } from "./instance-ledger.ts";
import type { InstanceNodes, Unsettled } from "./instance-nodes.ts";
import type { InstanceRecord } from "./instance-record.ts";

/** A placement without an instance is of a creation that broke off, once it is as old as this. */
const ORPHANED_AFTER_MS = durationMs("10m");

/**
 * Moves instances away from nodes that are gone.
 *  F1  A move is of the epoch and the node that were read: however many notice the loss, the instance is restarted once.
 *  F2  It is restarted under the next epoch, which refuses whatever the node that is gone still asks.
 *  F3  The placement is first: after a crash in between whoever comes next finds it, and completes the move.
 */
export interface InstanceFailOver {
  /** The instance on a node that is there: as it is, or moved. Throws RESOURCE_EXHAUSTED where no node takes it. */
  settled(record: InstanceRecord, traceId: TraceId): Promise<InstanceRecord>;
  /** One pass over what may have to be moved; returns how many were restarted. */
  sweep(): Promise<number>;
}

export interface InstanceFailOverDeps {
  readonly ledger: InstanceLedger;
  readonly nodes: InstanceNodes;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "trace">;
  readonly logger: Logger;
}

export function createInstanceFailOver({ ledger, nodes, clock, ids, logger }: InstanceFailOverDeps): InstanceFailOver {
  const settled: InstanceFailOver["settled"] = async (record, traceId) => {
    const { tenant_id, instance_id: instanceId, node_id: from } = record.metadata;
    if (await nodes.isThere(from)) return record;
    const tenantId = trustedTenantId(tenant_id);
    const providers = [...new Set(record.capabilities.map(({ provider_type }) => provider_type))];
    const to = await nodes.place({ tenantId, instanceId, providers });
    if (to === from) return record;
    return ledger.change(tenantId, instanceId, traceId, (now) => {
      if (now.epoch !== record.epoch || now.metadata.node_id !== from || now.metadata.status === "stopped")
        return undefined;
      const moved = { ...now, metadata: { ...now.metadata, node_id: to } };
      // What has crashed waits for its own restart, which raises the epoch.
      return { record: moved, events: now.metadata.status === "running" ? [{ fact_type: "instance_restarted" }] : [] };
    });
  };

  /** Whether this look restarted the instance. */
  const look = async ({ tenantId, instanceId, placedMs }: Unsettled): Promise<boolean> => {
    const record = await ledger.read(tenantId, instanceId).catch(unlessAbsent);
    const isOrphaned = record === undefined && clock.now() - placedMs > ORPHANED_AFTER_MS;
    if (isOrphaned || record?.metadata.status === "stopped") await nodes.release(tenantId, instanceId);
    if (record === undefined || record.metadata.status === "stopped") return false;
    return (await settled(record, ids.trace())).epoch > record.epoch;
  };

  return {
    settled,
    sweep: async () => {
      const looked = await Promise.allSettled((await nodes.unsettled()).map(look));
      const failed = looked.filter(({ status }) => status === "rejected");
      // One line for all: while no node has room, each pass finds the same.
      if (failed[0]?.status === "rejected")
        logger.warn("instances cannot be moved", { instances: failed.length, ...errorFields(failed[0].reason) });
      return looked.filter((each) => each.status === "fulfilled" && each.value).length;
    },
  };
}

function unlessAbsent(error: unknown): undefined {
  if (!(error instanceof RuntimeError) || error.code !== "wasm.instance_not_found") throw error;
}
