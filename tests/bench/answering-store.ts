import type { ExecutionStore } from "../../shared/ports/execution-store.ts";

/** A store that accepts and commits everything and writes nothing: what an engine over it costs is the engine's own. */
export function answeringStore(inner: ExecutionStore): ExecutionStore {
  return {
    ...inner,
    accept: () => Promise.resolve({ outcome: "accepted", epoch: 1 }),
    commit: ({ release }) => Promise.resolve({ outcome: "committed", held: release === undefined, mail: false }),
    unpublished: () => Promise.resolve([]),
  };
}
