import type { Clock } from "../clock.ts";
import { asId, type Ids, type InstanceId, type TenantId, type TraceId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import { seal } from "../state/log-entry.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { wasmError } from "../wasm-error.ts";
import { followTopics } from "./inbox.ts";
import { applyFact, type InstanceFact } from "./instance-facts.ts";
import { type InstanceRecord, instanceKind, stateOf } from "./instance-record.ts";

/** How often a change that another one overtook is decided anew. */
const ATTEMPTS = 16;

/** What happened to an instance, before it has its time. */
export type InstanceEvent =
  | { readonly fact_type: "instance_started" | "instance_stopped" | "instance_restarted" }
  | { readonly fact_type: "instance_crashed"; readonly error: string };

/** What a commit makes of an instance: the record without what its facts decide, and the facts, in order. */
export interface InstanceChange {
  readonly record: InstanceRecord;
  readonly events: readonly InstanceEvent[];
}

/**
 * The only way to change an instance.
 *  I1  Record and facts change in one commit, compared with the version that was read: of two writers one decides anew.
 *  I2  A fact that cannot follow the instance's state is not recorded, and nothing else of its change is.
 *  I3  Facts are entries of the write-ahead log, in a hash chain of the instance's own; none is ever changed.
 */
export interface InstanceLedger {
  /** With what `beside` puts; undefined, and nothing is written, when a record of that was there already. */
  create(
    tenantId: TenantId,
    change: InstanceChange,
    traceId: TraceId,
    beside: (unit: UnitOfWork) => void,
  ): Promise<InstanceRecord | undefined>;
  /**
   * Changes what `decide` makes of the instance as it is; undefined leaves it. Throws INSTANCE_NOT_FOUND, or RESOURCE_EXHAUSTED
   * where too many others change it at the same time.
   */
  change(
    tenantId: TenantId,
    instanceId: InstanceId,
    traceId: TraceId,
    decide: (record: InstanceRecord) => InstanceChange | undefined,
  ): Promise<InstanceRecord>;
  /** Takes a stopped instance's record away; its facts stay, with `instance_deleted` at their end. Throws as `change` does. */
  remove(tenantId: TenantId, instanceId: InstanceId, traceId: TraceId): Promise<void>;
  /** Throws INSTANCE_NOT_FOUND. */
  read(tenantId: TenantId, instanceId: InstanceId): Promise<InstanceRecord>;
}

export interface InstanceLedgerDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
  readonly clock: Clock;
  readonly ids: Ids;
}

export function createInstanceLedger({ store, surface, clock, ids }: InstanceLedgerDeps): InstanceLedger {
  /** The record after the change, if it was written. */
  const commit = async (
    unit: UnitOfWork,
    change: InstanceChange,
    traceId: TraceId,
  ): Promise<InstanceRecord | undefined> => {
    const { metadata } = change.record;
    const owner = ownerOf(unit.tenantId, metadata.instance_id, traceId);
    let { record } = change;
    const log = [];
    for (const event of change.events) {
      const { fact_type, ...more } = event;
      const payload: JsonObject = {
        instance_id: metadata.instance_id,
        node_id: metadata.node_id,
        epoch: epochAfter(record, event),
        ...more,
      };
      const sealed = seal(record.chain, owner, { event_type: fact_type, payload }, ids, clock.now());
      const next = withFact(record, event, sealed.head.timestamp_ms);
      if (next === undefined) throw unfitting(record, event);
      record = { ...next, chain: sealed.head };
      log.push(sealed.row);
    }
    unit.put(instanceKind, metadata.instance_id, record);
    await followTopics(unit, record);
    const { outcome } = await store.write(unit.tenantId, { ...NO_CHANGE, records: unit.records, log });
    return outcome === "written" ? record : undefined;
  };
  const unitOf = (tenantId: TenantId): UnitOfWork => new UnitOfWork(surface, tenantId, clock.now());

  return {
    create: (tenantId, change, traceId, beside) => {
      const unit = unitOf(tenantId);
      beside(unit);
      return commit(unit, change, traceId);
    },
    change: async (tenantId, instanceId, traceId, decide) => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const unit = unitOf(tenantId);
        const record = await unit.get(instanceKind, instanceId);
        if (record === undefined) throw noSuchInstance(instanceId);
        const change = decide(record);
        if (change === undefined) return record;
        const changed = await commit(unit, change, traceId);
        if (changed !== undefined) return changed;
      }
      throw contended(instanceId);
    },
    remove: async (tenantId, instanceId, traceId) => {
      const unit = unitOf(tenantId);
      const record = await unit.get(instanceKind, instanceId);
      if (record === undefined) throw noSuchInstance(instanceId);
      if (record.metadata.status !== "stopped") throw notStopped(record);
      const payload = { instance_id: instanceId, node_id: record.metadata.node_id, epoch: record.epoch };
      const draft = { event_type: "instance_deleted", payload } as const;
      const { row } = seal(record.chain, ownerOf(tenantId, instanceId, traceId), draft, ids, clock.now());
      unit.delete(instanceKind, instanceId);
      const { outcome } = await store.write(tenantId, { ...NO_CHANGE, records: unit.records, log: [row] });
      // What is stopped changes no more: another has deleted it.
      if (outcome === "conflict") throw noSuchInstance(instanceId);
    },
    read: async (tenantId, instanceId) => {
      const found = await surface.get(tenantId, instanceKind, instanceId);
      if (found === undefined) throw noSuchInstance(instanceId);
      return found.value;
    },
  };
}

function withFact(record: InstanceRecord, event: InstanceEvent, timestampMs: number): InstanceRecord | undefined {
  const { instance_id, node_id } = record.metadata;
  const fact: InstanceFact = { ...event, instance_id, node_id, timestamp_ms: timestampMs };
  const state = applyFact(stateOf(record), fact);
  if (state === undefined) return undefined;
  return {
    ...record,
    epoch: epochAfter(record, event),
    metadata: { ...record.metadata, status: state.status },
    crash_count: state.crashCount,
    since_ms: state.sinceMs,
    last_error: state.lastError,
  };
}

/** What was begun before a restart is of an epoch that is over. */
function epochAfter({ epoch }: InstanceRecord, { fact_type }: InstanceEvent): number {
  return fact_type === "instance_restarted" ? epoch + 1 : epoch;
}

/** A chain belongs to an execution or to a session; an instance's stands where a session's does, under the instance's id. */
function ownerOf(tenantId: TenantId, instanceId: InstanceId, traceId: TraceId) {
  return { tenantId, sessionId: asId.session(instanceId), traceId };
}

function notStopped({ metadata: { instance_id, status } }: InstanceRecord) {
  return wasmError("INVALID_REQUEST", `The instance ${instance_id} is ${status}; stop it first.`, {
    reason: `instance_${status}`,
  });
}

function noSuchInstance(instanceId: string) {
  return wasmError("INSTANCE_NOT_FOUND", `There is no instance ${instanceId}.`);
}

function contended(instanceId: string) {
  return wasmError("RESOURCE_EXHAUSTED", `The instance ${instanceId} is being changed by many at once; try again.`, {
    reason: "contended",
  });
}

function unfitting({ metadata }: InstanceRecord, { fact_type }: InstanceEvent) {
  return wasmError(
    "INVALID_REQUEST",
    `The instance ${metadata.instance_id} is ${metadata.status}: ${fact_type} cannot follow.`,
    {
      reason: `instance_${metadata.status}`,
    },
  );
}
