import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { systemClock } from "../../../infra/adapters/system/system.ts";
import { asId } from "../../../shared/ids.ts";
import { createLogger } from "../../../shared/logger.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import type { CapabilityProvider, GuestIdentity, ProviderType } from "../../../shared/ports/wasm-capabilities.ts";
import type { GuestPool } from "../../../shared/ports/wasm-runtime.ts";
import { createCapabilityBroker } from "../../../shared/wasm/capability-broker.ts";
import { createGuestRunner, type GuestRunner } from "../../../shared/wasm/guest-runner.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import type { CapabilityAssignment } from "../../../shared/wasm/instance.ts";
import { createProviderRegistry, type ProviderRegistry } from "../../../shared/wasm/provider-registry.ts";
import { createKvProvider } from "../../../shared/wasm/providers/kv-provider.ts";
import { createMessagingProvider } from "../../../shared/wasm/providers/messaging-provider.ts";
import { testIds } from "../runtime.ts";

export interface CapabilityScene extends AsyncDisposable {
  readonly runner: GuestRunner;
  readonly store: ExecutionStore;
  readonly registry: ProviderRegistry;
  readonly providers: Readonly<Record<"kv" | "messaging", CapabilityProvider>>;
  /** Replaces what an instance may do with one provider; no permissions take the capability away. */
  grant(guest: GuestIdentity, type: ProviderType, permissions: readonly string[]): void;
}

/** The real broker and the real providers over SQLite, with assignments that a test sets; nothing is granted and kv and messaging run. */
export async function openCapabilityScene(pool: GuestPool): Promise<CapabilityScene> {
  const store = createSqliteStore(":memory:");
  const granted = new Map<string, CapabilityAssignment>();
  const registry = createProviderRegistry();
  const deps = { store, surface: createStateSurface(store), clock: systemClock, ids: testIds, nudge: () => undefined };
  const providers = { kv: createKvProvider(deps), messaging: createMessagingProvider(deps) };
  await Promise.all(Object.values(providers).map((provider) => registry.start(provider)));
  const assignments = {
    assignmentsOf: (tenantId: string, instanceId: string) => {
      const own = `${tenantId}/${instanceId}/`;
      return Promise.resolve([...granted].flatMap(([key, assignment]) => (key.startsWith(own) ? [assignment] : [])));
    },
  };
  const logger = createLogger({ clock: systemClock, level: "error", write: () => undefined });
  const broker = createCapabilityBroker({ assignments, providers: registry, logger });
  return {
    runner: createGuestRunner({ pool, broker }),
    store,
    registry,
    providers,
    grant: ({ tenantId, instanceId }, provider_type, permissions) => {
      const key = `${tenantId}/${instanceId}/${provider_type}`;
      const capability_id = testIds.capability();
      if (permissions.length === 0) granted.delete(key);
      else granted.set(key, { instance_id: instanceId, capability_id, provider_type, permissions: [...permissions] });
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

export function guestsOf(tenantIds: readonly GuestIdentity["tenantId"][]): readonly GuestIdentity[] {
  const instances = ["instance_1", "instance_2"].map(asId.instance);
  return tenantIds.flatMap((tenantId) => instances.map((instanceId) => ({ tenantId, instanceId })));
}
