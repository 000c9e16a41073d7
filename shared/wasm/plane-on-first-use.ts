import type { WasmPlane, WasmPlaneDeps } from "./create-wasm-plane.ts";

/** The Wasm plane, loaded when it is asked for the first time: most functions never do. */
export function wasmPlaneOnFirstUse(deps: WasmPlaneDeps): WasmPlane {
  const open = async (): Promise<WasmPlane> => (await import("./create-wasm-plane.ts")).createWasmPlane(deps);
  let opening: Promise<WasmPlane> | undefined;
  const opened = (): Promise<WasmPlane> => (opening ??= open());

  return {
    instances: {
      create: async (...given) => (await opened()).instances.create(...given),
      get: async (...given) => (await opened()).instances.get(...given),
      list: async (...given) => (await opened()).instances.list(...given),
      stop: async (...given) => (await opened()).instances.stop(...given),
      remove: async (...given) => (await opened()).instances.remove(...given),
      invoke: async (...given) => (await opened()).instances.invoke(...given),
      grant: async (...given) => (await opened()).instances.grant(...given),
      revoke: async (...given) => (await opened()).instances.revoke(...given),
      facts: async (...given) => (await opened()).instances.facts(...given),
    },
    restarts: { sweep: async () => (await opened()).restarts.sweep() },
    guestSteps: { run: async (...given) => (await opened()).guestSteps.run(...given) },
    instanceRetention: {
      run: async () => (await opened()).instanceRetention.run(),
    },
  };
}
