import { RuntimeError } from "../../../shared/errors.ts";
import type { GraphStore } from "../../../shared/ports/graph-store.ts";

/** Where no graph store is configured: every call is refused with `graph_store.not_configured` (501), which no repeat mends. */
export function createAbsentGraphStore(): GraphStore {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new RuntimeError(
        "graph_store.not_configured",
        "This deployment has no graph store: set GRAPH=arango, ARANGO_URL and ARANGO_PASSWORD.",
        { status: 501 },
      ),
    );
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    setUp: () => Promise.resolve([]),
    write: refuse,
    undo: refuse,
    dropTombstones: refuse,
    get: refuse,
    list: refuse,
    edges: refuse,
    traverse: refuse,
    nearest: refuse,
    forgetFile: refuse,
    ping: nothing,
    close: nothing,
  };
}
