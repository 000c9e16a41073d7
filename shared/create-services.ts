import { createArtifactBytes } from "./artifacts/artifact-bytes.ts";
import { createStorageQuota } from "./artifacts/storage-quota.ts";
import { readStorageUse } from "./artifacts/storage-use.ts";
import { createUploads } from "./artifacts/uploads.ts";
import type { Config } from "./config.ts";
import { createAcceptance } from "./executions/acceptance.ts";
import { createChildExecutions } from "./executions/child-executions.ts";
import { createExecutionControl } from "./executions/execution-control.ts";
import { createExecutionFeed } from "./executions/execution-feed.ts";
import { createExecutionLifecycle } from "./executions/execution-lifecycle.ts";
import { createPendingIntents } from "./executions/pending-intents.ts";
import { createPresence } from "./executions/presence.ts";
import { createRecovery } from "./executions/recovery.ts";
import { ALWAYS, type Shift } from "./executions/shift.ts";
import { createSubmission } from "./executions/submission.ts";
import { createWorkshop } from "./executions/workshop.ts";
import { isTerminal } from "./executions/execution.ts";
import { loadExecution } from "./executions/stored-execution.ts";
import { trustedTenantId } from "./ids.ts";
import { createAdmission } from "./policy/admission.ts";
import { createConcurrencySlots } from "./policy/concurrency-slots.ts";
import { createLiveExecutions } from "./policy/live-executions.ts";
import { createRefusalLog } from "./policy/refusal-log.ts";
import { createTokenLeases } from "./policy/token-leases.ts";
import { createIntentCatalog } from "./sagas/intent-catalog.ts";
import type { IntentDefinition } from "./sagas/intent-definition.ts";
import type { Adapters, RuntimeServices } from "./services.ts";
import { createSessionService } from "./sessions/session-service.ts";
import { createClaimCheck } from "./state/claim-check.ts";
import { createLogExport } from "./state/log-export.ts";
import { createOutboxRelay } from "./state/outbox-relay.ts";
import { createRetention } from "./state/retention.ts";
import { createStateSurface, type StateSurface } from "./state/state-surface.ts";
import { createSubjects } from "./state/subjects.ts";
import { createWriteAheadLog } from "./state/write-ahead-log.ts";
import type { InstanceNodes } from "./wasm/instance-nodes.ts";
import { wasmPlaneOnFirstUse } from "./wasm/plane-on-first-use.ts";
import { nodesOnFirstUse } from "./wasm/nodes-on-first-use.ts";
import type { RegisteredNodes } from "./wasm/registered-nodes.ts";
import { createNoNodes } from "./wasm/no-nodes.ts";
import { createSingleNode, LOCAL_NODE, SERVICE_NODE } from "./wasm/single-node.ts";

/** What kind of process the services are for; a server, unless told otherwise. */
export interface ProcessKind {
  readonly shift?: Shift;
  /** Whether `intents` are all that there are. */
  readonly complete?: boolean;
}

/**
 * Builds the services over the adapters, each after what it stands on: execution store → state surface and artifacts →
 * write-ahead log → intent catalog → execution lifecycle. Nothing runs yet when this returns.
 */
export function createServices(
  config: Config,
  adapters: Adapters,
  intents: readonly IntentDefinition[],
  { shift = ALWAYS, complete = true }: ProcessKind = {},
): RuntimeServices {
  const { clock, ids, random, logger, store, objects, bus, rateBuckets, tables, records, graph, models } = adapters;

  const surface = createStateSurface(store);
  const subjects = createSubjects({
    keys: records.subjectKeys,
    dataKeys: adapters.dataKeys,
    random,
    nowMs: () => clock.now(),
  });
  const claimCheck = createClaimCheck(objects, subjects);
  const quota = createStorageQuota({
    use: (tenantId) => readStorageUse({ store, surface, objects, clock }, tenantId),
    limitOf: (tenantId) => (config.limits.tenants.get(tenantId) ?? config.limits.standard).storedBytes,
  });
  const artifactBytes = createArtifactBytes({ objects, clock, ids, quota });
  const uploads = createUploads({ store, surface, objects, clock, ids, quota });
  const log = createWriteAheadLog(store);
  const logExport = createLogExport({ store, surface, objects, clock });
  const retention = createRetention({ store, surface, logExport, clock, logger });
  const catalog = createIntentCatalog(intents, complete);
  const sessions = createSessionService({ store, surface, clock, ids });
  const relay = createOutboxRelay({ store, bus, clock, logger });
  const feed = createExecutionFeed();

  const stopping = new AbortController();
  const admission = createAdmission({
    limits: config.limits,
    leases: createTokenLeases({ buckets: rateBuckets, clock }),
    live: createLiveExecutions({ store, clock }),
    log: createRefusalLog({ sessions, clock, logger, stopping: stopping.signal }),
    clock,
  });
  const slots = createConcurrencySlots({
    surface,
    isOver: async (tenantId, executionId) => {
      const stored = await store.readExecution(tenantId, executionId);
      return stored === undefined || isTerminal(loadExecution(stored).state.status);
    },
  });
  const nodes = createNodes(config, adapters, surface);
  const { instances, restarts, guestSteps, instanceRetention } = wasmPlaneOnFirstUse({
    ...adapters,
    surface,
    quota,
    log,
    nodes,
    nudge: () => relay.nudge(),
    stopping: stopping.signal,
  });
  const presence = createPresence({ store, clock, logger, workerId: ids.worker() });
  const accept = createAcceptance({
    store,
    surface,
    sessions,
    claimCheck,
    clock,
    ids,
    logger,
    workerId: presence.workerId,
    onDoubt: (ref) => recovery.remember(ref),
  });
  // A saga may start and wake other executions, which are run by what runs the saga: the two know each other.
  const children = createChildExecutions({
    store,
    catalog,
    claimCheck,
    accept,
    clock,
    ids,
    take: (held) => recovery.take(held),
    wake: (ref) => recovery.wake(ref),
  });
  const maxHeld = config.maxRunning + config.maxQueued;
  const workshop = createWorkshop({
    guestSteps,
    store,
    surface,
    bytes: artifactBytes,
    subjects,
    tables,
    records,
    graph,
    models,
    catalog,
    claimCheck,
    children,
    clock,
    ids,
    random,
    logger,
    maxRunning: config.maxRunning,
    maxHeld,
    shift,
    onCommit: ({ state, messages, mailed, wakeAtMs }) => {
      const tenantId = trustedTenantId(state.tenant_id);
      feed.announce(state.execution_id);
      if (messages) relay.nudge();
      for (const executionId of mailed) recovery.wake({ tenantId, executionId });
      if (wakeAtMs === undefined) return;
      const ref = { tenantId, executionId: state.execution_id };
      if (wakeAtMs <= clock.now() && shift.handOn !== undefined) return shift.handOn(ref, state.intent_type);
      recovery.wakeAt(ref, wakeAtMs);
      shift.wakeAt?.(ref, state.intent_type, wakeAtMs);
    },
  });
  const recovery = createRecovery({ store, workshop, presence, clock, logger, maxHeld, stopping: stopping.signal });
  const submitNew = createSubmission({
    catalog,
    surface,
    sessions,
    claimCheck,
    subjects,
    accept,
    admission,
    slots,
    clock,
    ids,
  });
  const lifecycle = createExecutionLifecycle({
    store,
    log,
    submitNew,
    admission,
    workshop,
    presence,
    clock,
    stopping,
  });
  const control = createExecutionControl({ store, catalog, lifecycle, claimCheck, recovery, surface, clock, ids });
  const pendingIntents = createPendingIntents({ store, surface, catalog, lifecycle, control, clock, ids });

  return {
    config,
    adapters,
    surface,
    subjects,
    claimCheck,
    artifactBytes,
    uploads,
    log,
    logExport,
    retention,
    catalog,
    sessions,
    admission,
    relay,
    feed,
    recovery,
    lifecycle,
    control,
    pendingIntents,
    instances,
    restarts,
    guestSteps,
    instanceRetention,
    registeredNodes: "heartbeat" in nodes ? nodes : undefined,
  };
}

/** Where guests run, as the configuration says. */
function createNodes({ wasm }: Config, adapters: Adapters, surface: StateSurface): InstanceNodes | RegisteredNodes {
  const { guests, runners } = adapters;
  switch (wasm.kind) {
    case "off":
      return createNoNodes();
    case "in-process":
      return createSingleNode(LOCAL_NODE, guests);
    case "service":
      return createSingleNode(SERVICE_NODE, runners.at(wasm.url));
    case "nodes":
      return nodesOnFirstUse({ ...adapters, surface });
  }
}
