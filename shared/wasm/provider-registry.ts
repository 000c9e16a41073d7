import { wasmError } from "../wasm-error.ts";
import type { CapabilityProvider, ProviderType } from "../ports/wasm-capabilities.ts";

/**
 * The providers of this process, each initialized once and used by every instance: what a provider holds outlives the calls.
 * A provider that was stopped, or never started, is not there.
 */
export interface ProviderRegistry {
  /** Initializes a provider. Throws INVALID_REQUEST when one of its type runs already. */
  start(provider: CapabilityProvider): Promise<void>;
  running(type: ProviderType): CapabilityProvider | undefined;
  /** The types that run, for placement. */
  readonly types: readonly ProviderType[];
  /** Stops a provider: calls that come after this find it stopped. */
  stop(type: ProviderType): Promise<void>;
  stopAll(): Promise<void>;
}

export function createProviderRegistry(): ProviderRegistry {
  const providers = new Map<ProviderType, CapabilityProvider>();
  /** Types that are being initialized. */
  const starting = new Set<ProviderType>();

  const stop = async (type: ProviderType): Promise<void> => {
    const provider = providers.get(type);
    providers.delete(type);
    await provider?.shutdown();
  };

  return {
    start: async (provider) => {
      const { type } = provider;
      if (providers.has(type) || starting.has(type))
        throw wasmError("INVALID_REQUEST", `A provider ${type} runs already.`, { reason: "provider_running" });
      starting.add(type);
      try {
        await provider.initialize();
        providers.set(type, provider);
      } finally {
        starting.delete(type);
      }
    },
    running: (type) => providers.get(type),
    get types() {
      return [...providers.keys()];
    },
    stop,
    stopAll: async () => {
      await Promise.all([...providers.keys()].map(stop));
    },
  };
}
