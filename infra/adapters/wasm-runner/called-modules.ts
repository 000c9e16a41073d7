import { sha256 } from "../../../shared/json.ts";
import type { TenantId } from "../../../shared/ids.ts";
import type { ModuleSource } from "../../../shared/ports/wasm-runtime.ts";

/** Asks the control side of one call for its module; rejects when the call is gone. */
export type AskForModule = () => Promise<Uint8Array | undefined>;

/**
 * The modules of the calls that are under way: who calls a module can give it.
 *  M1  A runner has no store: it has a module's bytes from a control side whose call names it, and only for that call's tenant.
 *  M2  Bytes whose SHA-256 is not the digest are nothing.
 */
export interface CalledModules extends ModuleSource {
  /** Adds a call; undo with what it returns. */
  add(tenantId: TenantId, digest: string, ask: AskForModule): () => void;
}

export function createCalledModules(): CalledModules {
  const askable = new Map<string, Set<AskForModule>>();
  return {
    add: (tenantId, digest, ask) => {
      const key = `${tenantId}/${digest}`;
      const asks = askable.get(key) ?? new Set();
      askable.set(key, asks.add(ask));
      return () => {
        asks.delete(ask);
        if (asks.size === 0) askable.delete(key);
      };
    },
    read: async (tenantId, digest) => {
      for (const ask of askable.get(`${tenantId}/${digest}`) ?? []) {
        // A call that is gone cannot give it; another one that waits for the same module may.
        const bytes = await ask().catch(() => undefined);
        if (bytes !== undefined && sha256(bytes) === digest) return bytes;
      }
      return undefined;
    },
  };
}
