import { contentPath } from "../content-address.ts";
import { RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import { GUEST_LIMITS } from "../ports/guest-limits.ts";
import type { ObjectStore, ObjectTarget } from "../ports/object-store.ts";
import type { ModuleSource } from "../ports/wasm-runtime.ts";

const DIGEST = /^[0-9a-f]{64}$/;

/** A tenant's modules as they were uploaded, in the object store, named by their SHA-256 and verified when read. */
export interface ModuleStore extends ModuleSource {
  /** Keeps a module that was admitted; returns its digest. The same bytes twice is once. */
  keep(tenantId: TenantId, module: Uint8Array): Promise<string>;
}

export function createModuleStore(objects: Pick<ObjectStore, "read" | "size" | "write">): ModuleStore {
  return {
    keep: async (tenantId, module) => (await objects.write(placeOf(tenantId), once(module))).sha256,
    read: async (tenantId, digest) => {
      if (!DIGEST.test(digest)) return undefined;
      const path = contentPath(placeOf(tenantId), digest);
      const sizeBytes = await objects.size(path);
      if (sizeBytes === undefined || sizeBytes > GUEST_LIMITS.moduleBytes) return undefined;
      try {
        return Buffer.concat(await Array.fromAsync(await objects.read(path)));
      } catch (error) {
        // Deleted in between.
        if (error instanceof RuntimeError && error.code === "object.not_found") return undefined;
        throw error;
      }
    },
  };
}

function placeOf(tenantId: TenantId): ObjectTarget {
  return { directory: `modules/${tenantId}`, extension: "wasm", contentType: "application/wasm" };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
