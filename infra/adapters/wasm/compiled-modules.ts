import type { TenantId } from "../../../shared/ids.ts";
import type { CompiledModule } from "./module-compiler.ts";

/** What is held compiled: what was used longest ago goes first when there are more, or larger ones. */
const MAX_MODULES = 500;
const MAX_BYTES = 128 * 1024 * 1024;

/** A module belongs to a tenant: whether another one has the same module already must not be told, not even by how long a call takes. */
export function moduleKey(tenantId: TenantId, digest: string): string {
  return `${tenantId}/${digest}`;
}

export class CompiledModules {
  readonly #modules = new Map<string, CompiledModule>();
  readonly #dropped: (key: string) => void;
  #bytes = 0;

  constructor(dropped: (key: string) => void) {
    this.#dropped = dropped;
  }

  get(key: string): CompiledModule | undefined {
    const found = this.#modules.get(key);
    if (found === undefined) return undefined;
    this.#modules.delete(key);
    this.#modules.set(key, found);
    return found;
  }

  add(key: string, compiled: CompiledModule): void {
    this.#drop(key);
    this.#modules.set(key, compiled);
    this.#bytes += compiled.info.sizeBytes;
    for (const oldest of this.#modules.keys()) {
      if (oldest === key || (this.#modules.size <= MAX_MODULES && this.#bytes <= MAX_BYTES)) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const found = this.#modules.get(key);
    if (found === undefined) return;
    this.#modules.delete(key);
    this.#bytes -= found.info.sizeBytes;
    this.#dropped(key);
  }
}
