import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";

const FIRST_BYTES = 4_096;

/** What a guest writes to its standard output: in one piece, however small its writes are, and never more than a payload. */
export class OutputBuffer {
  #bytes = new Uint8Array(FIRST_BYTES);
  #used = 0;
  #overflown = false;

  /** Whether all of it had room; nothing is kept of what has none. */
  write(bytes: Uint8Array): boolean {
    const used = this.#used + bytes.length;
    if (used > GUEST_LIMITS.payloadBytes) {
      this.#overflown = true;
      return false;
    }
    if (used > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(GUEST_LIMITS.payloadBytes, Math.max(used, this.#bytes.length * 2)));
      larger.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#used);
    this.#used = used;
    return true;
  }

  get overflown(): boolean {
    return this.#overflown;
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#used);
  }
}
