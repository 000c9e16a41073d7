import type { InstanceRetention, InstanceRetentionDeps } from "./instance-retention.ts";
import type { InstanceService, InstanceServiceDeps } from "./instance-service.ts";
import type { ModuleStoreDeps } from "./module-store.ts";

export type InstancesDeps = Omit<InstanceServiceDeps, "modules"> &
  Omit<InstanceRetentionDeps, "instances" | "modules"> &
  ModuleStoreDeps;

/** Instances and their retention, loaded when they are asked for the first time: most functions never are. */
export function instancesOnFirstUse(deps: InstancesDeps): {
  readonly instances: InstanceService;
  readonly instanceRetention: InstanceRetention;
} {
  const open = async () => {
    const [{ createInstanceService }, { createInstanceRetention }, { createModuleStore }] = await Promise.all([
      import("./instance-service.ts"),
      import("./instance-retention.ts"),
      import("./module-store.ts"),
    ]);
    const modules = createModuleStore(deps);
    const instances = createInstanceService({ ...deps, modules });
    return { instances, retention: createInstanceRetention({ ...deps, instances, modules }) };
  };
  let opening: ReturnType<typeof open> | undefined;
  const opened = () => (opening ??= open());

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
    instanceRetention: {
      tenants: async () => (await opened()).retention.tenants(),
      run: async () => (await opened()).retention.run(),
    },
  };
}
