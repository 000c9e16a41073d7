import type { CapabilityProvider, ProviderType } from "../../ports/wasm-capabilities.ts";
import { refused } from "./provider-reply.ts";

/** A provider that is loaded by its first call: most functions never run a guest that asks. */
export function onFirstCall(type: ProviderType, load: () => Promise<CapabilityProvider>): CapabilityProvider {
  const open = async (): Promise<CapabilityProvider> => {
    const provider = await load();
    await provider.initialize();
    return provider;
  };
  let running = false;
  let opening: Promise<CapabilityProvider> | undefined;

  return {
    type,
    initialize: () => {
      running = true;
      return Promise.resolve();
    },
    invoke: async (...call) => {
      if (!running) return refused("WASM_RUNTIME_ERROR", `The provider ${type} is stopped.`);
      opening ??= open();
      return (await opening).invoke(...call);
    },
    shutdown: async () => {
      running = false;
      const opened = await opening;
      opening = undefined;
      await opened?.shutdown();
    },
  };
}
