import { type Clock, rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { Ids, InstanceId, TenantId, TraceId } from "../ids.ts";
import { digestOf, sha256 } from "../json.ts";
import { CHAIN_START } from "../state/log-entry.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { wasmError } from "../wasm-error.ts";
import { assignmentOf, type CapabilityGrant, checkGrant } from "./capability-grant.ts";
import { type CreationClaim, creationKeyKind, creationKeyOf, findCreation } from "./creation-key.ts";
import { refusalError } from "./guest-failure.ts";
import type { RestartPolicy } from "./instance.ts";
import type { InstanceLedger } from "./instance-ledger.ts";
import type { InstanceNodes } from "./instance-nodes.ts";
import { type InstanceRecord, instanceKind, LIVE } from "./instance-record.ts";
import type { ModuleStore } from "./module-store.ts";

const MAX_LIVE_INSTANCES = 10_000;

export interface NewInstance {
  readonly tenantId: TenantId;
  readonly module: Uint8Array;
  readonly restartPolicy: RestartPolicy;
  readonly capabilities: readonly CapabilityGrant[];
  /** The same key with the same instance is the same instance. */
  readonly idempotencyKey?: string | undefined;
  readonly traceId: TraceId;
}

/**
 * Makes an instance, or gives the one that the key has made. Throws INVALID_REQUEST for a module that is not admitted or permissions
 * that there are not, RESOURCE_EXHAUSTED where there is no room, `policy.storage_exceeded` (429), `idempotency.other_body` (422), and
 * INSTANCE_NOT_FOUND for a key whose instance was deleted.
 */
export type InstanceCreation = (instance: NewInstance) => Promise<InstanceRecord>;

export interface InstanceCreationDeps {
  readonly ledger: InstanceLedger;
  readonly surface: StateSurface;
  readonly modules: ModuleStore;
  readonly nodes: InstanceNodes;
  readonly clock: Clock;
  readonly ids: Ids;
}

export function createInstanceCreation(deps: InstanceCreationDeps): InstanceCreation {
  const { ledger, surface, modules, nodes, clock, ids } = deps;

  /** What the key has made; undefined when it is new. */
  const madeBefore = async (
    tenantId: TenantId,
    claim: CreationClaim | undefined,
  ): Promise<InstanceRecord | undefined> => {
    const made = claim === undefined ? undefined : await findCreation(surface, tenantId, claim);
    if (made === undefined) return undefined;
    if (made.body_digest !== claim?.bodyDigest) throw otherBody(made.instance_id);
    return ledger.read(tenantId, made.instance_id);
  };

  return async (instance) => {
    const { tenantId, module, restartPolicy, capabilities, traceId } = instance;
    for (const grant of capabilities) checkGrant(grant);
    const claim = claimOf(instance);
    const before = await madeBefore(tenantId, claim);
    if (before !== undefined) return before;
    const { total } = await surface.list(tenantId, instanceKind, LIVE, { limit: 1 });
    if (total >= MAX_LIVE_INSTANCES) throw tooMany();
    const admission = await nodes.admit(tenantId, module);
    if (admission.outcome === "refused") throw refusalError(admission.refusal);
    // The bytes first: no record points at a module that is not there.
    const moduleHash = await modules.keep(tenantId, module);
    const instanceId = ids.instance();
    const providers = [...new Set(capabilities.map(({ providerType }) => providerType))];
    const nodeId = await nodes.place({ tenantId, instanceId, providers });
    const nowMs = clock.now();
    const record: InstanceRecord = {
      metadata: {
        instance_id: instanceId,
        tenant_id: tenantId,
        node_id: nodeId,
        module_hash: moduleHash,
        created_at: rfc3339(nowMs),
        status: "starting",
      },
      restart_policy: restartPolicy,
      capabilities: capabilities.map((grant) => assignmentOf(instanceId, ids.capability(), grant)),
      epoch: 1,
      crash_count: 0,
      chain: CHAIN_START,
    };
    const created = await ledger.create(
      tenantId,
      { record, events: [{ fact_type: "instance_started" }] },
      traceId,
      (unit) => {
        if (claim === undefined) return;
        const key = creationKeyOf(claim, instanceId, nowMs);
        unit.put(creationKeyKind, key.key_digest, key);
      },
    );
    if (created === undefined) await nodes.release(tenantId, instanceId);
    // Of two with one key the other was faster.
    const made = created ?? (await madeBefore(tenantId, claim));
    if (made === undefined) throw contended();
    return made;
  };
}

function claimOf({ idempotencyKey, module, restartPolicy, capabilities }: NewInstance): CreationClaim | undefined {
  if (idempotencyKey === undefined) return undefined;
  const granted = capabilities.map(({ providerType, permissions }) => ({ providerType, permissions }));
  return { key: idempotencyKey, bodyDigest: digestOf({ module: sha256(module), restartPolicy, granted }) };
}

function otherBody(instanceId: InstanceId) {
  return new RuntimeError(
    "idempotency.other_body",
    "This idempotency key was used for an instance with another body.",
    {
      status: 422,
      details: { instance_id: instanceId },
    },
  );
}

function tooMany() {
  return wasmError("RESOURCE_EXHAUSTED", `A tenant has at most ${MAX_LIVE_INSTANCES} instances; stop some.`, {
    reason: "too_many_instances",
    retryable: false,
  });
}

function contended() {
  return wasmError("RESOURCE_EXHAUSTED", "Another request with this idempotency key is at work; try again.", {
    reason: "contended",
  });
}
