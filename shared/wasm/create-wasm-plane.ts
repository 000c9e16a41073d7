import type { StorageQuota } from "../artifacts/storage-quota.ts";
import type { Clock } from "../clock.ts";
import type { Ids } from "../ids.ts";
import type { Logger } from "../logger.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { CapabilityProvider } from "../ports/wasm-capabilities.ts";
import type { StateSurface } from "../state/state-surface.ts";
import type { WriteAheadLog } from "../state/write-ahead-log.ts";
import { createCrashHandler } from "./instance-crash.ts";
import { createGuestSteps, type GuestSteps } from "./guest-steps.ts";
import { createInstanceFailOver } from "./instance-fail-over.ts";
import { createInstanceLedger } from "./instance-ledger.ts";
import type { InstanceNodes } from "./instance-nodes.ts";
import { createInstanceRestarts, type InstanceRestarts } from "./instance-restarts.ts";
import { createInstanceRetention, type InstanceRetention } from "./instance-retention.ts";
import { createInstanceService, type InstanceService } from "./instance-service.ts";
import { createModuleStore } from "./module-store.ts";
import { createProviderRegistry } from "./provider-registry.ts";
import { createKvProvider } from "./providers/kv-provider.ts";
import { createMessagingProvider } from "./providers/messaging-provider.ts";
import { createRestartTimers } from "./restart-timers.ts";

/** The control side of the Wasm plane. */
export interface WasmPlane {
  readonly instances: InstanceService;
  readonly restarts: Pick<InstanceRestarts, "sweep">;
  readonly guestSteps: GuestSteps;
  readonly instanceRetention: InstanceRetention;
}

export interface WasmPlaneDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly log: WriteAheadLog;
  readonly objects: ObjectStore;
  readonly quota: StorageQuota;
  readonly nodes: InstanceNodes;
  readonly guestRequests: CapabilityProvider;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Says that there are messages in the outbox. */
  readonly nudge: () => void;
  /** Aborts when this process restarts nothing more. */
  readonly stopping: AbortSignal;
}

export function createWasmPlane(deps: WasmPlaneDeps): WasmPlane {
  const { guestRequests, logger } = deps;
  const ledger = createInstanceLedger(deps);
  const timers = createRestartTimers(deps);
  const restarts = createInstanceRestarts({ ...deps, ledger, timers });
  const providers = createProviderRegistry();
  for (const provider of [createKvProvider(deps), createMessagingProvider(deps), guestRequests]) {
    providers.start(provider).catch((error: unknown) => {
      logger.error("a provider cannot start", { provider: provider.type, cause: String(error) });
    });
  }
  const failOver = createInstanceFailOver({ ...deps, ledger });
  const onCrash = createCrashHandler({ ...deps, ledger, timers, onTimer: (restart) => restarts.at(restart) });
  const modules = createModuleStore(deps);
  const instances = createInstanceService({ ...deps, ledger, modules, providers, onCrash, failOver });
  return {
    instances,
    instanceRetention: createInstanceRetention({ ...deps, instances, modules }),
    restarts: { sweep: async () => (await failOver.sweep()) + (await restarts.sweep()) },
    guestSteps: createGuestSteps({ ...deps, providers }),
  };
}
