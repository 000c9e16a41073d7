import type { MemoryLimits } from "./module-sections.ts";

const PAGE_BYTES = 65_536;
/** Beyond this, filling with zeros costs more than what is saved. */
const MAX_REUSED_BYTES = 4 * 1024 * 1024;
/** Of different limits: what was used longest ago goes. */
const MAX_KEPT = 4;

/**
 * Memories for one call after the other, in one thread. A new one for each call would cost 10 GB of address space each until the
 * collector finds it, and a full collection every few calls.
 *  M1  A memory that is taken holds nothing but zeros.
 *  M2  One that a guest has made larger is not used again.
 */
export class ReusedMemories {
  readonly #kept = new Map<string, WebAssembly.Memory>();

  take({ initial, maximum }: MemoryLimits): WebAssembly.Memory {
    const sizeBytes = initial * PAGE_BYTES;
    if (sizeBytes > MAX_REUSED_BYTES) return new WebAssembly.Memory({ initial, maximum });
    const key = `${initial}/${maximum}`;
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    const usable = kept !== undefined && kept.buffer.byteLength === sizeBytes;
    const memory = usable ? kept : new WebAssembly.Memory({ initial, maximum });
    if (usable) new Uint8Array(memory.buffer).fill(0);
    this.#kept.set(key, memory);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return memory;
  }
}
