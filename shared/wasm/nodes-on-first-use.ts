import type { NodeRegistryDeps } from "./node-registry.ts";
import type { RegisteredNodes, RegisteredNodesDeps } from "./registered-nodes.ts";

/** Nodes that register, loaded when they are asked for the first time: most functions never are. */
export function nodesOnFirstUse(deps: Omit<RegisteredNodesDeps, "registry"> & NodeRegistryDeps): RegisteredNodes {
  const open = async (): Promise<RegisteredNodes> => {
    const [{ createNodeRegistry }, { createRegisteredNodes }] = await Promise.all([
      import("./node-registry.ts"),
      import("./registered-nodes.ts"),
    ]);
    return createRegisteredNodes({ ...deps, registry: createNodeRegistry(deps) });
  };
  let opening: Promise<RegisteredNodes> | undefined;
  const opened = (): Promise<RegisteredNodes> => (opening ??= open());

  return {
    admit: async (...given) => (await opened()).admit(...given),
    choose: async (...given) => (await opened()).choose(...given),
    place: async (...given) => (await opened()).place(...given),
    release: async (...given) => (await opened()).release(...given),
    isThere: async (...given) => (await opened()).isThere(...given),
    unsettled: async () => (await opened()).unsettled(),
    run: async (...given) => (await opened()).run(...given),
    heartbeat: async (...given) => (await opened()).heartbeat(...given),
  };
}
