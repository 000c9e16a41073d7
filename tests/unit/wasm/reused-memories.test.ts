import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ReusedMemories } from "../../../infra/adapters/wasm/reused-memories.ts";

describe("memories that are used again", () => {
  it("M1, M2: each one taken is all zeros and of its limits, whatever was done to those before", () => {
    const calls = fc.array(
      fc.record({
        initial: fc.constantFrom(0, 1, 2, 70),
        maximum: fc.constantFrom(70, 80),
        writes: fc.array(fc.nat(), { maxLength: 5 }),
        growBy: fc.constantFrom(0, 0, 1),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(calls, (all) => {
        const memories = new ReusedMemories();
        for (const { initial, maximum, writes, growBy } of all) {
          const memory = memories.take({ initial, maximum }) as WebAssembly.Memory & { grow(by: number): number };
          const bytes = Buffer.from(memory.buffer);
          expect(bytes.length).toBe(initial * 65_536);
          expect(bytes.equals(Buffer.alloc(bytes.length))).toBe(true);
          if (initial + growBy <= maximum) memory.grow(growBy);
          const grown = new Uint8Array(memory.buffer);
          for (const at of writes) if (grown.length > 0) grown[at % grown.length] = 0xff;
        }
      }),
      { numRuns: 50 },
    );
  });

  it("is the same one for the next call of the same limits", () => {
    const memories = new ReusedMemories();
    const first = memories.take({ initial: 1, maximum: 4 });
    expect(memories.take({ initial: 1, maximum: 4 })).toBe(first);
    expect(memories.take({ initial: 1, maximum: 5 })).not.toBe(first);
  });
});
