import { describe, expect, it } from "vitest";

import { runWithin } from "../../../infra/adapters/wasm/run-within.ts";

describe("work that is given a time", () => {
  it("gives what the work gives, and throws what it throws", () => {
    expect(runWithin(10_000, () => "done")).toBe("done");
    expect(() =>
      runWithin(10_000, () => {
        throw new RangeError("no");
      }),
    ).toThrow(RangeError);
  });

  it("is broken off whatever it is at, cannot prevent it, and leaves the thread as it was", () => {
    const cell = new Int32Array(new SharedArrayBuffer(4));
    let caught = false;
    const endless = [
      () => {
        for (;;) cell[0] = 1;
      },
      () => Atomics.wait(cell, 0, 1),
      () => {
        try {
          for (;;) cell[0] = 1;
        } catch {
          caught = true;
        } finally {
          caught ||= cell[0] !== 1;
        }
      },
    ];
    for (const work of endless) {
      expect(runWithin(20, work)).toBeUndefined();
      expect(runWithin(10_000, () => 7)).toBe(7);
    }
    expect(caught).toBe(false);
  });
});
