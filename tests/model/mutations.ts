import type { ExecutionPatch, ExecutionStore, StoredStep } from "../../shared/ports/execution-store.ts";
import type { ModelDatabase } from "./model-database.ts";
import { createModelStore, type Io } from "./model-store.ts";

/**
 * Stores that break one rule of the commit protocol each. The checker must find what follows from it; one that does not would
 * prove nothing about the store that keeps the rules.
 */
export type Mutation = (io: Io, database: ModelDatabase) => ExecutionStore;

const isStarted = ({ body }: StoredStep): boolean => body["status"] === "started";

/** Whoever takes an execution up does not see which steps were begun. */
export const withoutStartRecord: Mutation = (io, database) => {
  const store = createModelStore(database, io);
  return {
    ...store,
    claim: async (request) => {
      const claimed = await store.claim(request);
      if (claimed.outcome !== "claimed") return claimed;
      const steps = claimed.execution.steps.filter((step) => !isStarted(step));
      return { ...claimed, execution: { ...claimed.execution, steps } };
    },
  };
};

/** That a step began is written only with the commit after the one that should say so: after its effect. */
export const withLateStartRecord: Mutation = (io, database) => {
  const store = createModelStore(database, io);
  let late: readonly StoredStep[] = [];
  const shift = (state: ExecutionPatch): ExecutionPatch => {
    const now = state.steps.filter((step) => !isStarted(step));
    const steps = [...late.filter(({ position }) => !now.some((step) => step.position === position)), ...now];
    late = state.steps.filter(isStarted);
    return { ...state, steps };
  };
  return {
    ...store,
    accept: (acceptance) => store.accept({ ...acceptance, state: shift(acceptance.state) }),
    commit: (commit) => store.commit({ ...commit, state: shift(commit.state) }),
  };
};

/** To undo what was never applied leaves no tombstone. */
export const withoutTombstone: Mutation = (io, database) => {
  const store = createModelStore(database, io);
  return {
    ...store,
    write: (tenantId, change) =>
      store.write(tenantId, { ...change, records: change.records.filter(({ body }) => body?.["state"] !== "buried") }),
  };
};

/** Messages are written by a call of their own, after the commit that they belong to. */
export const withSeparateOutbox: Mutation = (io, database) => {
  const store = createModelStore(database, io);
  return {
    ...store,
    commit: async (commit) => {
      const { outbox } = commit.change;
      const outcome = await store.commit({ ...commit, change: { ...commit.change, outbox: [] } });
      if (outcome.outcome === "committed" && outbox.length > 0) {
        await store.write(commit.tenantId, { records: [], log: [], mail: [], outbox });
      }
      return outcome;
    },
  };
};

/** The key of a submission is not looked at. */
export const withoutIdempotency: Mutation = (io, database) => {
  const store = createModelStore(database, io);
  return { ...store, accept: (acceptance) => store.accept({ ...acceptance, idempotency: undefined }) };
};

/** Mail that is not read yet does not keep an execution from being let go, and wakes nobody. */
export const withLostMail: Mutation = (io, database) => {
  const store = createModelStore(database, io);
  return {
    ...store,
    commit: async (commit) => {
      const row = database.find(commit.tenantId, commit.executionId);
      if (commit.release !== undefined && row !== undefined) row.mail = [];
      return store.commit(commit);
    },
  };
};
