import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { createPresence } from "../../../shared/executions/presence.ts";
import { createLogger } from "../../../shared/logger.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { createStoreClock } from "../../../shared/store-clock.ts";
import { countingStore } from "../../kit/counting-store.ts";
import { testIds } from "../../kit/runtime.ts";
import { createManualClock, START_MS } from "../manual-clock.ts";

function open(over: Partial<ExecutionStore> = {}) {
  const clock = createManualClock();
  const inner = createSqliteStore(":memory:");
  const retired: string[] = [];
  const counting = countingStore({
    ...inner,
    retire: (workerId) => {
      retired.push(workerId);
      return inner.retire(workerId);
    },
    ...over,
  });
  const logger = createLogger({ clock, level: "error", write: () => undefined });
  const presence = createPresence({ store: counting.store, clock, logger, workerId: testIds.worker() });
  return {
    clock,
    store: counting.store,
    presence,
    retired,
    /** When it beat, in milliseconds after the start. */
    beats: () => counting.beats.map((ms) => ms - START_MS),
    [Symbol.asyncDispose]: async () => {
      await presence.retire();
      await inner.close();
    },
  };
}

/** A worker whose machine's clock is off by so much at first, over a store that tells its time with every beat. */
function openWrong(clockOffMs: number) {
  let offMs = clockOffMs;
  const on = open();
  const own = { now: () => on.clock.now() + offMs, sleep: on.clock.sleep };
  const clock = createStoreClock({ own, elapsedMs: () => on.clock.now() });
  const store: ExecutionStore = {
    ...on.store,
    beat: async (workerId, nowMs) => {
      const hear = clock.listen();
      await on.store.beat(workerId, nowMs);
      hear(on.clock.now());
    },
  };
  const logger = createLogger({ clock, level: "error", write: () => undefined });
  const presence = createPresence({ store, clock, logger, workerId: testIds.worker() });
  return {
    beats: on.beats,
    advance: (byMs: number) => on.clock.advance(byMs),
    setClock: (byMs: number) => void (offMs += byMs),
    presence,
    [Symbol.asyncDispose]: async () => {
      await presence.retire();
      await on[Symbol.asyncDispose]();
    },
  };
}

describe("presence by a clock that is wrong", () => {
  it.each([30_000, -30_000])(
    "beats again at once, by the store's, before it takes on work: off by %i ms",
    async (offMs) => {
      await using on = openWrong(offMs);
      await on.presence.enter();
      expect(on.beats()).toEqual([offMs, 0]);
      await on.advance(2_000);
      expect(on.beats().slice(2)).toEqual([1_000, 2_000]);
      on.presence.leave();
      await on.advance(60_000);
      expect(on.beats().at(-1)).toBe(12_000);
    },
  );

  it("beats by the store's when the machine's is set back meanwhile, and mends at once a beat by one that was set forth", async () => {
    await using on = openWrong(0);
    await on.presence.enter();
    on.setClock(-90_000);
    await on.advance(1_000);
    on.setClock(180_000);
    await on.advance(2_000);
    expect(on.beats()).toEqual([0, 1_000, 182_000, 2_000, 3_000]);
  });
});

describe("presence", () => {
  it("the store knows of the worker before it takes on work, and nothing of an idle one", async () => {
    await using on = open();
    await on.clock.advance(60_000);
    expect(on.beats()).toEqual([]);
    await on.presence.enter();
    expect(on.beats()).toEqual([60_000]);
  });

  it("beats once a second while it holds work, whatever it holds", async () => {
    await using on = open();
    await Promise.all(Array.from({ length: 50 }, () => on.presence.enter()));
    await on.clock.advance(20_000);
    expect(on.beats()).toEqual(Array.from({ length: 21 }, (_, second) => second * 1_000));
  });

  it("lingers for ten seconds after the last work, then falls silent and holds no timer", async () => {
    await using on = open();
    await on.presence.enter();
    await on.clock.advance(5_500);
    on.presence.leave();
    await on.clock.advance(60_000);
    expect(on.beats().at(-1)).toBe(15_000);
    expect(on.clock.sleepers).toBe(0);
  });

  it("steady work does not pay a beat for each execution", async () => {
    await using on = open();
    for (let n = 0; n < 100; n += 1) {
      await on.presence.enter();
      on.presence.leave();
      await on.clock.advance(100);
    }
    expect(on.beats()).toHaveLength(11);
  });

  it("beats first when it comes back from silence", async () => {
    await using on = open();
    await on.presence.enter();
    on.presence.leave();
    await on.clock.advance(100_000);
    const before = on.beats().length;
    await on.presence.enter();
    expect(on.beats().slice(before)).toEqual([100_000]);
    await on.clock.advance(2_000);
    expect(on.beats().slice(before)).toEqual([100_000, 101_000, 102_000]);
  });

  it("refuses work when the store cannot be told, and tries anew with the next", async () => {
    let down = true;
    await using on = open({ beat: () => (down ? Promise.reject(new Error("down")) : Promise.resolve()) });
    await expect(on.presence.enter()).rejects.toThrow("down");
    await on.clock.advance(60_000);
    expect(on.beats()).toHaveLength(1);
    expect(on.clock.sleepers).toBe(0);
    down = false;
    await on.presence.enter();
    expect(on.beats()).toHaveLength(2);
  });

  it("goes on beating after a beat that was not stored", async () => {
    let calls = 0;
    await using on = open({
      beat: () => {
        calls += 1;
        return calls === 2 ? Promise.reject(new Error("down")) : Promise.resolve();
      },
    });
    await on.presence.enter();
    await on.clock.advance(3_000);
    expect(on.beats()).toEqual([0, 1_000, 2_000, 3_000]);
  });

  it("a retired worker says so, and beats no more", async () => {
    await using on = open();
    await on.presence.enter();
    await on.clock.advance(1_000);
    await on.presence.retire();
    expect(on.retired).toEqual([on.presence.workerId]);
    await on.clock.advance(10_000);
    expect(on.beats()).toEqual([0, 1_000]);
    expect(on.clock.sleepers).toBe(0);
  });
});
