import type { Acceptance, Change, ClaimRequest, Commit, ExecutionStore } from "../../shared/ports/execution-store.ts";

/** A store that remembers what was asked of it, in the order of asking, and passes everything on. */
export interface CountingStore {
  readonly store: ExecutionStore;
  readonly acceptances: readonly Acceptance[];
  readonly claims: readonly ClaimRequest[];
  readonly commits: readonly Commit[];
  readonly writes: readonly Change[];
  /** The time that each heartbeat told, in epoch milliseconds. */
  readonly beats: readonly number[];
}

export function countingStore(inner: ExecutionStore): CountingStore {
  const acceptances: Acceptance[] = [];
  const claims: ClaimRequest[] = [];
  const commits: Commit[] = [];
  const writes: Change[] = [];
  const beats: number[] = [];
  const store: ExecutionStore = {
    ...inner,
    accept: (acceptance) => {
      acceptances.push(acceptance);
      return inner.accept(acceptance);
    },
    claim: (request) => {
      claims.push(request);
      return inner.claim(request);
    },
    commit: (commit) => {
      commits.push(commit);
      return inner.commit(commit);
    },
    write: (tenantId, change) => {
      writes.push(change);
      return inner.write(tenantId, change);
    },
    beat: (workerId, nowMs) => {
      beats.push(nowMs);
      return inner.beat(workerId, nowMs);
    },
  };
  return { store, acceptances, claims, commits, writes, beats };
}
