import type { ModuleRefusalReason } from "../../../shared/ports/wasm-runtime.ts";

/** Why a module is not admitted, and where in its bytes. Never leaves this adapter: it becomes a refusal. */
export class ModuleFault extends Error {
  readonly reason: ModuleRefusalReason;
  readonly offset: number;

  constructor(reason: ModuleRefusalReason, message: string, offset: number) {
    super(message);
    this.reason = reason;
    this.offset = offset;
  }
}

/** Reads the parts of a binary module in order; what does not fit into `[offset, end)` is a fault of the module. */
export class ModuleReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, offset: number, end: number) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get atEnd(): boolean {
    return this.offset >= this.end;
  }

  byte(): number {
    const value = this.offset < this.end ? this.bytes[this.offset] : undefined;
    if (value === undefined) throw this.malformed("ends too early");
    this.offset += 1;
    return value;
  }

  /** An unsigned LEB128 of at most 32 bits. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.byte();
      // Only four bits of the fifth byte belong to it.
      if (shift === 28 && byte > 0x0f) throw this.malformed("has a number of more than 32 bits");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.malformed("has a number of more than 32 bits");
  }

  /** The length of a list; no list that is read here has more items than `most`. */
  count(what: string, most: number): number {
    const at = this.offset;
    const count = this.u32();
    if (count > most) throw new ModuleFault("unsupported", `It has ${count} ${what}; ${most} are allowed.`, at);
    return count;
  }

  /** The part of the next `length` bytes, which this reader then is behind. */
  part(length: number): ModuleReader {
    if (length > this.end - this.offset) throw this.malformed("ends too early");
    const part = new ModuleReader(this.bytes, this.offset, this.offset + length);
    this.offset += length;
    return part;
  }

  name(): string {
    const { offset, end } = this.part(this.u32());
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.bytes.subarray(offset, end));
    } catch {
      throw new ModuleFault("malformed", "A name is not UTF-8.", offset);
    }
  }

  malformed(how: string): ModuleFault {
    return new ModuleFault("malformed", `The module ${how}.`, this.offset);
  }
}

/** The unsigned LEB128 of a number. */
export function leb128(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}
