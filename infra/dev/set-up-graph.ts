import type { Config } from "../../shared/config.ts";
import { systemClock, systemRandom } from "../adapters/system/system.ts";
import type { StoreSetup } from "../schema/set-up-data.ts";

/** Makes the collections and indexes that the graph store lacks. Throws `graph_store.unavailable`. */
export async function setUpGraph({ graph }: Pick<Config, "graph">): Promise<StoreSetup> {
  switch (graph.kind) {
    case "none":
      return { store: "graph, which is not configured", done: [] };
    case "sqlite":
      return { store: "graph in SQLite", done: [] };
    case "arango": {
      const { createArangoGraphStore } = await import("../adapters/arango/graph-store.ts");
      const store = createArangoGraphStore(graph, { clock: systemClock, random: systemRandom });
      try {
        return { store: "graph in ArangoDB", done: await store.setUp() };
      } finally {
        await store.close();
      }
    }
  }
}
