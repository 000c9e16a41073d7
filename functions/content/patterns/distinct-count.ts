/** 4,096 registers: a standard error of 1.04 / sqrt(4096) = 1.6 % (Flajolet et al., 2007). */
const INDEX_BITS = 12;
const REGISTERS = 1 << INDEX_BITS;

/** How many different values there were: exactly, until there are more than `maxExact`; from there on about, by HyperLogLog. */
export class DistinctCount {
  readonly #maxExact: number;
  #exact: Set<number> | undefined = new Set();
  #registers: Uint8Array | undefined;

  constructor(maxExact: number) {
    this.#maxExact = maxExact;
  }

  add(text: string): void {
    const [index, rest] = hash(text);
    if (this.#exact !== undefined) {
      // 53 bits of hash: among 10,000 values two meet once in 180 million columns.
      this.#exact.add((index & 0x1fffff) * 0x1_0000_0000 + rest);
      if (this.#exact.size <= this.#maxExact) return;
      this.#registers = new Uint8Array(REGISTERS);
      for (const known of this.#exact) this.#register(Math.floor(known / 0x1_0000_0000), known % 0x1_0000_0000);
      this.#exact = undefined;
      return;
    }
    this.#register(index & 0x1fffff, rest);
  }

  get isExact(): boolean {
    return this.#exact !== undefined;
  }

  get count(): number {
    if (this.#exact !== undefined) return this.#exact.size;
    const registers = this.#registers ?? new Uint8Array(REGISTERS);
    let sum = 0;
    let empty = 0;
    for (const rank of registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty += 1;
    }
    const estimate = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS * REGISTERS) / sum;
    // Few values: how many registers are empty says it better.
    if (estimate <= 2.5 * REGISTERS && empty > 0) return Math.round(REGISTERS * Math.log(REGISTERS / empty));
    return Math.round(estimate);
  }

  #register(index: number, rest: number): void {
    const place = index & (REGISTERS - 1);
    const rank = Math.clz32(rest) + 1;
    if (this.#registers !== undefined && rank > (this.#registers[place] ?? 0)) this.#registers[place] = rank;
  }
}

/** Two hashes of 32 bits, the same in every process: multiply and rotate, mixed at the end as MurmurHash3 does. */
function hash(text: string): readonly [number, number] {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 0xcc9e2d51);
    a = (a << 15) | (a >>> 17);
    b = Math.imul(b ^ code, 0x1b873593);
    b = (b << 13) | (b >>> 19);
  }
  return [mix(a ^ text.length), mix(b ^ a)];
}

function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
