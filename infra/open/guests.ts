import type { Config } from "../../shared/config.ts";
import type { Logger } from "../../shared/logger.ts";
import type { CapabilityProvider } from "../../shared/ports/wasm-capabilities.ts";
import type { Runners } from "../../shared/ports/wasm-runners.ts";
import type { GuestPool, ModuleSource } from "../../shared/ports/wasm-runtime.ts";
import { systemClock } from "../adapters/system/system.ts";
import { late, onFirstUse } from "./on-first-use.ts";

const GUEST_METHODS: Readonly<Record<keyof GuestPool, true>> = { admit: true, invoke: true, close: true };

/** Threads for guests, started by the first module: most processes never run one. */
export function openGuests(modules: ModuleSource): GuestPool {
  return onFirstUse(GUEST_METHODS, async () => {
    const { openGuestPool } = await import("../adapters/wasm/guest-pool.ts");
    return openGuestPool({ modules });
  });
}

/** Loaded by the first call of a guest elsewhere. In production each call proves which service account it is from. */
export function openRunners({ mode }: Config, modules: ModuleSource, logger: Logger): Runners {
  const runners = late(async () => {
    const { createRunners } = await import("../adapters/wasm-runner/runners.ts");
    const { createServiceTokens } = await import("../adapters/jwt/service-tokens.ts");
    const tokens = createServiceTokens({ clock: systemClock });
    const token = mode === "dev" ? () => Promise.resolve(undefined) : tokens;
    return createRunners({ modules, token, logger });
  });
  return {
    at: (url) => ({
      admit: async (...asked) => (await runners.open()).at(url).admit(...asked),
      invoke: async (invocation) => (await runners.open()).at(url).invoke(invocation),
    }),
    // Where the opening fails, whoever asked for it hears of it, and there is nothing to abandon.
    abandon: (url) =>
      void runners.begun?.then(
        (opened) => opened.abandon(url),
        () => undefined,
      ),
    close: async () => (await runners.begun)?.close(),
  };
}

/** Loaded by the first request of a guest. */
export function openGuestRequests(): CapabilityProvider {
  const provider = late(async () => {
    const { createHttpProvider } = await import("../adapters/wasm/http-provider.ts");
    const http = createHttpProvider();
    await http.initialize();
    return http;
  });
  return {
    type: "http",
    initialize: () => Promise.resolve(),
    invoke: async (...call) => (await provider.open()).invoke(...call),
    shutdown: async () => (await provider.begun)?.shutdown(),
  };
}
