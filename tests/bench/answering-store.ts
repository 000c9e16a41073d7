import type { ExecutionStore } from "../../shared/ports/execution-store.ts";

/** A store that accepts and commits everything and writes nothing: what an engine over it costs is the engine's own. */
export function answeringStore(inner: ExecutionStore, keepCommits = false): ExecutionStore {
  const commits: Pick<ExecutionStore, "accept" | "commit"> = {
    accept: () => later({ outcome: "accepted", epoch: 1 }),
    commit: ({ release }) => later({ outcome: "committed", held: release === undefined, mail: false }),
  };
  return { ...inner, ...(keepCommits ? {} : commits), unpublished: () => Promise.resolve([]) };
}

/** In another turn of the event loop, as everything that comes from outside. */
export function later<Answer>(answer: Answer): Promise<Answer> {
  return new Promise((resolve) => void setImmediate(resolve, answer));
}
