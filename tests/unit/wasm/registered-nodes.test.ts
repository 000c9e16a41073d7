import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { asId } from "../../../shared/ids.ts";
import { createLogger } from "../../../shared/logger.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { createNodeRegistry } from "../../../shared/wasm/node-registry.ts";
import { createRegisteredNodes } from "../../../shared/wasm/registered-nodes.ts";
import { createManualClock } from "../manual-clock.ts";

/** Two processes of the control side over one store, each with the addresses whose calls it gave up. */
function openProcesses() {
  const store = createSqliteStore(":memory:");
  const clock = createManualClock();
  const logger = createLogger({ clock, level: "error", write: () => undefined });
  const open = () => {
    const abandoned: string[] = [];
    const runners = {
      at: () => ({
        admit: () => Promise.reject(new Error("nothing is admitted here")),
        invoke: () => Promise.reject(new Error("nothing is called here")),
      }),
      abandon: (url: string) => void abandoned.push(url),
      close: () => Promise.resolve(),
    };
    const registry = createNodeRegistry({ store, surface: createStateSurface(store), clock });
    return { abandoned, nodes: createRegisteredNodes({ registry, runners, clock, logger }) };
  };
  const beat = (name: string, url: string) =>
    open().nodes.heartbeat({
      nodeId: asId.node(name),
      url,
      providers: ["kv"],
      maxInstances: 2,
      heartbeatEveryMs: 10_000,
      state: "serving",
    });
  return { clock, beat, first: open(), second: open() };
}

describe("registered nodes", () => {
  it("R3: a process lets go of a node that another one has struck off the register", async () => {
    const { clock, beat, first, second } = openProcesses();
    await beat("node_a", "http://a");
    expect(await second.nodes.choose(["kv"])).toBe("node_a");
    await clock.advance(31_000);
    expect(await first.nodes.unsettled()).toEqual([]);
    expect(first.abandoned).toEqual(["http://a"]);
    expect(await second.nodes.isThere(asId.node("node_a"))).toBe(false);
    expect(second.abandoned).toEqual(["http://a"]);
    expect(await second.nodes.isThere(asId.node("node_a"))).toBe(false);
    expect(second.abandoned).toEqual(["http://a"]);
  });

  it("R2: calls of a node that came back under a new name at the address of a lost one go on", async () => {
    const { clock, beat, first, second } = openProcesses();
    await beat("node_a", "http://a");
    await clock.advance(31_000);
    await beat("node_b", "http://a");
    expect(await second.nodes.choose(["kv"])).toBe("node_b");
    await first.nodes.unsettled();
    await first.nodes.unsettled();
    expect(first.abandoned).toEqual([]);
    await clock.advance(2_000);
    expect(await second.nodes.choose(["kv"])).toBe("node_b");
    expect(second.abandoned).toEqual([]);
  });
});
