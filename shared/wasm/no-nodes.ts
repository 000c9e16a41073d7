import { wasmError } from "../wasm-error.ts";
import type { InstanceNodes } from "./instance-nodes.ts";

/** Where nothing runs guests. */
export function createNoNodes(): InstanceNodes {
  const nowhere = () =>
    Promise.reject(wasmError("RESOURCE_EXHAUSTED", "No node runs guests here.", { reason: "no_node" }));
  return {
    admit: nowhere,
    choose: nowhere,
    place: nowhere,
    release: () => Promise.resolve(),
    isThere: () => Promise.resolve(true),
    unsettled: () => Promise.resolve([]),
    run: nowhere,
  };
}
