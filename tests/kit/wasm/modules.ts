import type { StorageQuota } from "../../../shared/artifacts/storage-quota.ts";
import type { RuntimeServices } from "../../../shared/services.ts";
import { createModuleStore, type ModuleStore } from "../../../shared/wasm/module-store.ts";

/** Where nothing limits what a tenant stores. */
export const unlimited: StorageQuota = {
  expectRoom: () => Promise.resolve(),
  expectRoomForUpload: () => Promise.resolve(),
  within: (_tenantId, source) => Promise.resolve(source),
};

/** The modules that a runtime's own plane sees. */
export function openModules({ adapters, surface }: RuntimeServices): ModuleStore {
  return createModuleStore({ ...adapters, surface, quota: unlimited });
}
