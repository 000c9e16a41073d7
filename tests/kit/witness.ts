import type { Change, ExecutionStore, OutboxMessage } from "../../shared/ports/execution-store.ts";

/** A store that remembers what was written to it, whoever wrote it. */
export interface Witness {
  readonly store: ExecutionStore;
  /** Every message that was ever put into the outbox. */
  readonly messages: readonly OutboxMessage[];
  /** The kinds of record that were ever written. */
  readonly kinds: ReadonlySet<string>;
  /** How many writes of executions and records the store took. */
  readonly changes: number;
}

export function witnessed(inner: ExecutionStore, onWakeAt: (atMs: number) => void): Witness {
  const messages: OutboxMessage[] = [];
  const kinds = new Set<string>();
  let changes = 0;
  const saw = ({ outbox, records }: Change): void => {
    changes += 1;
    messages.push(...outbox);
    for (const { kind } of records) kinds.add(kind);
  };
  const store: ExecutionStore = {
    ...inner,
    accept: async (acceptance) => {
      const result = await inner.accept(acceptance);
      if (result.outcome === "accepted") saw(acceptance.change);
      return result;
    },
    commit: async (commit) => {
      const result = await inner.commit(commit);
      if (result.outcome !== "committed") return result;
      saw(commit.change);
      if (!result.held && commit.release?.wakeAtMs !== undefined) onWakeAt(commit.release.wakeAtMs);
      return result;
    },
    // Marks wait for a commit that somebody needs: this is one, so that no real time passes over them.
    markPublished: async (eventIds, atMs) => {
      await Promise.all([inner.markPublished(eventIds, atMs), inner.ping()]);
    },
    write: async (tenantId, change) => {
      const result = await inner.write(tenantId, change);
      if (result.outcome === "written") saw(change);
      return result;
    },
  };
  return {
    store,
    messages,
    kinds,
    get changes() {
      return changes;
    },
  };
}
