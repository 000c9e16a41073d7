import { describe, expect, it } from "vitest";

import { atTheRightTime, createStoreClock, type StoreClock } from "../../shared/store-clock.ts";

const START_MS = Date.parse("2026-01-01T00:00:00.000Z");

/** A machine whose clock is off, and a store that is far away, by as much as a test says. */
function open({ offMs = 0 }: { readonly offMs?: number } = {}) {
  let passedMs = 0;
  let wallOffMs = offMs;
  let asleepMs = 0;
  const clock = createStoreClock({
    own: { now: () => START_MS + passedMs + wallOffMs, sleep: () => Promise.resolve() },
    elapsedMs: () => passedMs - asleepMs,
  });
  return {
    clock,
    /** How far the clock is from the store's. */
    error: () => clock.now() - (START_MS + passedMs),
    pass: (ms: number) => void (passedMs += ms),
    /** The machine's clock is set. */
    set: (byMs: number) => void (wallOffMs += byMs),
    /** The machine sleeps: its clock goes on, and what it counts itself does not. */
    sleep: (ms: number) => {
      passedMs += ms;
      asleepMs += ms;
    },
    /** A call that tells a time so long ago. */
    read: (agoMs: number) => clock.listen()(START_MS + passedMs - agoMs, "before"),
    /** A call whose way there takes `thereMs`, and whose answer takes `backMs`. */
    call: (thereMs: number, backMs: number) => {
      const hear = clock.listen();
      passedMs += thereMs;
      const storeMs = START_MS + passedMs;
      passedMs += backMs;
      hear(storeMs);
    },
  };
}

describe("the store's time", () => {
  it("K1: is the machine's as long as no store has told another", () => {
    const on = open({ offMs: 30_000 });
    expect(on.error()).toBe(30_000);
    on.set(-40_000);
    expect(on.error()).toBe(-10_000);
  });

  it.each([-30_000, 30_000, 86_400_000])(
    "K2: an answer sets a clock that is off by %i ms, whatever way took long",
    (offMs) => {
      for (const [there, back] of [
        [5, 5],
        [400, 0],
        [0, 400],
      ] as const) {
        const on = open({ offMs });
        on.call(there, back);
        expect(Math.abs(on.error())).toBeLessThanOrEqual((there + back) / 2);
      }
    },
  );

  it("K2: a clock that may be right is left alone, so that it never goes back for the length of a call", () => {
    const on = open({ offMs: 150 });
    for (const [there, back] of [
      [1, 1],
      [900, 3],
      [3, 900],
    ] as const) {
      on.call(there, back);
      expect(on.error()).toBe(150);
    }
  });

  it("K2: a quick answer mends what a slow one told roughly", () => {
    const on = open({ offMs: 30_000 });
    on.call(8_000, 0);
    expect(on.error()).toBe(4_000);
    on.call(2, 2);
    expect(Math.abs(on.error())).toBeLessThanOrEqual(2);
  });

  it("K2: a time of before sets a clock forth that is behind it, and tells one that is ahead nothing", () => {
    for (const [offMs, expected] of [
      [-30_000, -5_000],
      [-5_100, -5_100],
      [30_000, 30_000],
    ] as const) {
      const on = open({ offMs });
      on.read(5_000);
      expect(on.error()).toBe(expected);
    }
  });

  it("K3: setting the machine's clock back, or forth by a little, changes nothing", () => {
    const on = open({ offMs: 30_000 });
    on.call(1, 1);
    const before = on.error();
    on.set(-90_000);
    on.pass(5_000);
    expect(on.error()).toBe(before);
    on.set(90_900);
    expect(on.error()).toBe(before);
  });

  it("K3: after the machine has slept it is right again, before any answer", () => {
    const on = open({ offMs: 30_000 });
    on.call(1, 1);
    on.sleep(3_600_000);
    expect(Math.abs(on.error())).toBeLessThanOrEqual(2);
    on.call(1, 1);
    on.pass(1_000);
    expect(Math.abs(on.error())).toBeLessThanOrEqual(2);
  });

  it("K3: a machine's clock that was set forth is believed until the next answer, and no longer", () => {
    const on = open();
    on.call(1, 1);
    on.set(90_000);
    expect(on.error()).toBe(90_000);
    on.call(1, 1);
    on.pass(5_000);
    expect(Math.abs(on.error())).toBeLessThanOrEqual(2);
  });
});

describe("what is decided by the time", () => {
  const decided = async (clock: StoreClock, answer: () => void): Promise<readonly number[]> => {
    const times: number[] = [];
    await atTheRightTime(clock, async (nowMs) => {
      times.push(nowMs - START_MS);
      answer();
      return await Promise.resolve();
    });
    return times;
  };

  it("is decided once by a clock that is right", async () => {
    const on = open({ offMs: 100 });
    expect(await decided(on.clock, () => on.call(1, 1))).toEqual([100]);
  });

  it("is decided again when the answer has set the clock, and when it was long in coming; and then is left at that", async () => {
    const fast = open({ offMs: 30_000 });
    expect(await decided(fast.clock, () => fast.call(1, 1))).toEqual([30_000, 2]);
    const slow = open();
    expect(await decided(slow.clock, () => slow.call(1_500, 0))).toEqual([0, 1_500, 3_000]);
  });
});
