import { describe, expect, it, vi } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { startUpkeep } from "../../../shared/executions/upkeep.ts";
import type { ExecutionStore } from "../../../shared/ports/execution-store.ts";
import { countingStore } from "../../kit/counting-store.ts";
import { createGate } from "../../kit/gate.ts";
import { openRuntime } from "../../kit/runtime.ts";
import { createManualClock } from "../manual-clock.ts";

describe("upkeep", () => {
  it("sweeps and drains once a second, sooner when a worker fell silent, goes on after an error, and stops", async () => {
    const clock = createManualClock();
    await using on = await openRuntime({ clock });
    let sweeps = 0;
    const recovery = {
      ...on.services.recovery,
      sweep: () => {
        sweeps += 1;
        return sweeps === 2
          ? Promise.reject(new Error("no store"))
          : Promise.resolve({ takenUp: 0, expectsMore: sweeps === 4 || sweeps === 5 });
      },
    };
    const { relay, restarts } = on.services;
    // Loads what is loaded late: the manual clock does not wait for files.
    await restarts.sweep();
    const upkeep = startUpkeep({
      recovery,
      restarts,
      relay,
      store: on.store,
      clock,
      logger: on.services.adapters.logger,
    });
    await clock.advance(5_000);
    expect(sweeps).toBe(7);
    expect(on.logged).toContainEqual(expect.objectContaining({ severity: "ERROR", error: "no store" }));
    await upkeep.stop();
    await clock.advance(5_000);
    expect(sweeps).toBe(7);
  });

  it("begins no other part of a round once it is told to stop", async () => {
    const clock = createManualClock();
    await using on = await openRuntime({ clock });
    const swept = createGate();
    const begun: string[] = [];
    const { logger } = on.services.adapters;
    const upkeep = startUpkeep({
      recovery: {
        ...on.services.recovery,
        sweep: async () => {
          await swept.pass();
          return { takenUp: 0, expectsMore: false };
        },
      },
      restarts: { sweep: () => Promise.resolve(begun.push("restarts")) },
      relay: { ...on.services.relay, drain: () => Promise.resolve(begun.push("relay")) },
      store: { ...on.store, carry: () => Promise.resolve(begun.push("carry")) },
      clock,
      logger,
    });
    await vi.waitFor(() => expect(swept.arrived).toBe(1));
    const stopping = upkeep.stop();
    swept.open();
    await stopping;
    expect(begun).toEqual([]);
  });

  it("purges every ten minutes what expired, and what was published a day ago", async () => {
    const clock = createManualClock();
    const counting = countingStore(createSqliteStore(":memory:"));
    const purges: unknown[] = [];
    const store: ExecutionStore = {
      ...counting.store,
      purge: (query) => {
        purges.push(query);
        return counting.store.purge(query);
      },
    };
    {
      await using on = await openRuntime({ clock, store });
      const startedMs = clock.now();
      const { recovery, restarts, relay, adapters } = on.services;
      await restarts.sweep();
      const upkeep = startUpkeep({ recovery, restarts, relay, store, clock, logger: adapters.logger });
      await clock.advance(1_200_000);
      await upkeep.stop();
      const day = 86_400_000;
      expect(purges).toEqual(
        [600_000, 1_200_000].map((ms) => ({ nowMs: startedMs + ms, publishedBeforeMs: startedMs + ms - day })),
      );
    }
    await store.close();
  });
});
