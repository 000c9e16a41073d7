import type { ExecutionId } from "../ids.ts";

/** Tells watchers in this process that an execution has new log entries. A hint only: what happened is read from the log. */
export interface ExecutionFeed {
  announce(executionId: ExecutionId): void;
  /** Returns how to stop watching. */
  watch(executionId: ExecutionId, onChange: () => void): () => void;
}

export function createExecutionFeed(): ExecutionFeed {
  const watchers = new Map<ExecutionId, Set<() => void>>();
  return {
    announce: (executionId) => {
      for (const onChange of watchers.get(executionId) ?? []) onChange();
    },
    watch: (executionId, onChange) => {
      const all = watchers.get(executionId) ?? new Set();
      watchers.set(executionId, all.add(onChange));
      return () => {
        all.delete(onChange);
        if (all.size === 0) watchers.delete(executionId);
      };
    },
  };
}
