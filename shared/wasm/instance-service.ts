import { type Clock, rfc3339 } from "../clock.ts";
import type { Ids, InstanceId, TenantId, TraceId } from "../ids.ts";
import type { JsonValue } from "../json.ts";
import type { Logger } from "../logger.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { Page, PageRequest } from "../ports/paging.ts";
import type { StateSurface } from "../state/state-surface.ts";
import type { WriteAheadLog } from "../state/write-ahead-log.ts";
import { wasmError } from "../wasm-error.ts";
import { createCapabilityBroker } from "./capability-broker.ts";
import { assignmentOf, type CapabilityGrant, checkGrant } from "./capability-grant.ts";
import { failureError } from "./guest-failure.ts";
import { type GuestRun, isUnreached } from "./guest-runner.ts";
import type { InstanceStatus } from "./instance.ts";
import type { CrashHandler } from "./instance-crash.ts";
import { createInstanceCreation, type InstanceCreation } from "./instance-creation.ts";
import { createInstanceDeletion } from "./instance-deletion.ts";
import { readInstanceFacts } from "./instance-events.ts";
import type { InstanceFact } from "./instance-facts.ts";
import type { InstanceLedger } from "./instance-ledger.ts";
import type { InstanceNodes } from "./instance-nodes.ts";
import type { InstanceFailOver } from "./instance-fail-over.ts";
import { type InstanceRecord, instanceKind, statusFacet } from "./instance-record.ts";
import type { ModuleStore } from "./module-store.ts";
import type { ProviderRegistry } from "./provider-registry.ts";
import { decideRestart } from "./restart-policy.ts";

const MAX_CAPABILITIES = 64;

export interface InstanceCall {
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
  readonly export: string | undefined;
  readonly input: JsonValue;
  readonly deadlineMs: number;
  readonly traceId: TraceId;
}

export type CompletedRun = Extract<GuestRun, { readonly outcome: "completed" }>;

/** Instances of a tenant's modules: made, called, stopped, told of. Another tenant's is not there: INSTANCE_NOT_FOUND. */
export interface InstanceService {
  readonly create: InstanceCreation;
  get(tenantId: TenantId, instanceId: InstanceId): Promise<InstanceRecord>;
  /** Newest first. */
  list(
    tenantId: TenantId,
    status: InstanceStatus | undefined,
    page: PageRequest,
  ): Promise<Page<InstanceRecord> & { readonly total: number }>;
  /** Ends it for good; stopping what is stopped changes nothing. */
  stop(tenantId: TenantId, instanceId: InstanceId, traceId: TraceId): Promise<InstanceRecord>;
  /** Takes a stopped instance away, with its keys and messages; its facts stay in the log. Throws INVALID_REQUEST for one that is not stopped. */
  remove(tenantId: TenantId, instanceId: InstanceId, traceId: TraceId): Promise<void>;
  /** Throws what the guest's failure is to its caller; a trap is recorded as the instance's crash before it is told. */
  invoke(call: InstanceCall): Promise<CompletedRun>;
  grant(
    tenantId: TenantId,
    instanceId: InstanceId,
    grant: CapabilityGrant,
    traceId: TraceId,
  ): Promise<{ readonly record: InstanceRecord; readonly capabilityId: string }>;
  /** Bites on the guest's next capability call. Throws CAPABILITY_NOT_FOUND. */
  revoke(tenantId: TenantId, instanceId: InstanceId, capabilityId: string, traceId: TraceId): Promise<InstanceRecord>;
  /** Oldest first. */
  facts(tenantId: TenantId, instanceId: InstanceId, page: PageRequest): Promise<Page<InstanceFact>>;
}

export interface InstanceServiceDeps {
  readonly ledger: InstanceLedger;
  readonly store: Pick<ExecutionStore, "listRecords" | "write">;
  readonly surface: StateSurface;
  readonly log: Pick<WriteAheadLog, "read">;
  readonly modules: ModuleStore;
  readonly nodes: InstanceNodes;
  readonly providers: Pick<ProviderRegistry, "running">;
  readonly onCrash: CrashHandler;
  readonly failOver: Pick<InstanceFailOver, "settled">;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

export function createInstanceService(deps: InstanceServiceDeps): InstanceService {
  const { ledger, surface, log, nodes, providers, onCrash, failOver, ids, logger } = deps;

  /** What the instance may do now, to a call that was begun under an epoch: nothing any more once it was stopped, crashed or moved. */
  const brokerAt = (epoch: number) =>
    createCapabilityBroker({
      assignments: {
        assignmentsOf: async (tenantId, instanceId) => {
          const found = await surface.get(tenantId, instanceKind, instanceId);
          const isLive = found?.value.metadata.status === "running" && found.value.epoch === epoch;
          return isLive ? found.value.capabilities : [];
        },
      },
      providers,
      logger,
    });

  return {
    create: createInstanceCreation(deps),

    get: (tenantId, instanceId) => ledger.read(tenantId, instanceId),

    list: async (tenantId, status, page) => {
      const facet = status === undefined ? "all" : statusFacet(status);
      const found = await surface.list(tenantId, instanceKind, facet, page);
      return { ...found, items: found.items.map(({ value }) => value) };
    },

    stop: async (tenantId, instanceId, traceId) => {
      const stopped = await ledger.change(tenantId, instanceId, traceId, (record) => {
        if (record.metadata.status === "stopped") return undefined;
        const { restart_at_ms: _, ...rest } = record;
        return { record: rest, events: [{ fact_type: "instance_stopped" }] };
      });
      await nodes.release(tenantId, instanceId);
      return stopped;
    },

    remove: createInstanceDeletion(deps),

    invoke: async ({ tenantId, instanceId, export: name, input, deadlineMs, traceId }) => {
      const runOnce = async (): Promise<{ readonly run: GuestRun; readonly epoch: number }> => {
        const found = await ledger.read(tenantId, instanceId);
        if (found.metadata.status !== "running") throw notRunning(found);
        const record = await failOver.settled(found, traceId);
        if (record.metadata.status !== "running") throw notRunning(record);
        const { metadata, epoch } = record;
        const call = { tenantId, instanceId, digest: metadata.module_hash, export: name, input, deadlineMs };
        return { run: await nodes.run(metadata.node_id, call, brokerAt(epoch)), epoch };
      };
      const first = await runOnce();
      // Nothing of it has begun: it may be begun once more, on another node where there is one.
      const { run, epoch } = isUnreached(first.run) ? await runOnce() : first;
      if (run.outcome === "completed") return run;
      await onCrash({ tenantId, instanceId, epoch, failure: run.failure, traceId });
      throw failureError(run.failure, run.report);
    },

    grant: async (tenantId, instanceId, grant, traceId) => {
      checkGrant(grant);
      const capabilityId = ids.capability();
      const changed = await ledger.change(tenantId, instanceId, traceId, (record) => {
        if (record.metadata.status === "stopped") throw notRunning(record);
        if (record.capabilities.length >= MAX_CAPABILITIES)
          throw wasmError("RESOURCE_EXHAUSTED", `An instance has at most ${MAX_CAPABILITIES} capabilities.`, {
            reason: "too_many_capabilities",
            retryable: false,
          });
        const capabilities = [...record.capabilities, assignmentOf(instanceId, capabilityId, grant)];
        return { record: { ...record, capabilities }, events: [] };
      });
      return { record: changed, capabilityId };
    },

    revoke: (tenantId, instanceId, capabilityId, traceId) =>
      ledger.change(tenantId, instanceId, traceId, (record) => {
        const capabilities = record.capabilities.filter(({ capability_id }) => capability_id !== capabilityId);
        if (capabilities.length === record.capabilities.length)
          throw wasmError("CAPABILITY_NOT_FOUND", `The instance has no capability ${capabilityId}.`);
        return { record: { ...record, capabilities }, events: [] };
      }),

    facts: async (tenantId, instanceId, page) => {
      await ledger.read(tenantId, instanceId);
      return readInstanceFacts(log, tenantId, instanceId, page);
    },
  };
}

/** Why an instance cannot be called. */
function notRunning(record: InstanceRecord) {
  const { status, instance_id } = record.metadata;
  const message = `The instance ${instance_id} is ${status}.`;
  if (status !== "crashed") return wasmError("INVALID_REQUEST", message, { reason: `instance_${status}` });
  const state = { status, crashCount: record.crash_count, sinceMs: record.since_ms, lastError: record.last_error };
  const decision = decideRestart(record.restart_policy, state);
  const details = {
    crash_count: record.crash_count,
    ...(record.last_error === undefined ? {} : { last_error: record.last_error }),
    ...(record.restart_at_ms === undefined ? {} : { restart_at: rfc3339(record.restart_at_ms) }),
  };
  if (decision?.decision === "exhausted") {
    const { max_retries } = record.restart_policy;
    return wasmError(
      "RESTART_POLICY_VIOLATION",
      `${message} Its policy restarts it at most ${max_retries} times in a row.`,
      { reason: "retries_exhausted", details },
    );
  }
  const retryable = decision?.decision === "restart";
  return wasmError("CRASH_DETECTED", message, { reason: "instance_crashed", retryable, details });
}
