import type { CapabilityProvider } from "../../shared/ports/wasm-capabilities.ts";
import type { Runners } from "../../shared/ports/wasm-runners.ts";
import type { GuestPool } from "../../shared/ports/wasm-runtime.ts";

const unused = (): never => {
  throw new Error("there are no guests here, and yet one was asked for");
};

/** For runtimes that run no guests. */
export const NO_GUESTS: GuestPool = { admit: unused, invoke: unused, close: () => Promise.resolve() };

export const NO_RUNNERS: Runners = { at: unused, abandon: unused, close: () => Promise.resolve() };

export const NO_GUEST_REQUESTS: CapabilityProvider = {
  type: "http",
  initialize: () => Promise.resolve(),
  invoke: unused,
  shutdown: () => Promise.resolve(),
};
