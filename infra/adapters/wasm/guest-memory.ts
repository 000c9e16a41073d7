/** A guest's memory as the host sees it: every place that a guest names is checked before it is used. */
export class GuestMemory {
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  /** The bytes of a place, as they are now; undefined when any of it is outside the memory. Valid until the guest goes on. */
  view(pointer: unknown, length: unknown): Uint8Array | undefined {
    const begin = unsigned(pointer);
    const size = unsigned(length);
    const { buffer } = this.#memory;
    return begin + size > buffer.byteLength ? undefined : new Uint8Array(buffer, begin, size);
  }

  /** A place to write numbers to. */
  cells(pointer: unknown, length: number): DataView | undefined {
    const place = this.view(pointer, length);
    return place === undefined ? undefined : new DataView(place.buffer, place.byteOffset, length);
  }
}

/** An i32 as an address or a length: guests hand over signed numbers. */
function unsigned(value: unknown): number {
  return typeof value === "number" ? value >>> 0 : 0xff_ff_ff_ff;
}
