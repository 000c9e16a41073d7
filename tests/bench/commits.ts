import { join } from "node:path";

import type { Acceptance, Change, Commit, ExecutionStore } from "../../shared/ports/execution-store.ts";
import { bytes } from "./figures.ts";
import type { Bench, Outcome } from "./part.ts";
import { createSession, openRuntime, runSaga } from "./runtime.ts";

/** What sagas sent through the store's port. */
export interface StoreCounts {
  readonly sagas: number;
  accepts: number;
  commits: number;
  /** Commits that mark messages as published. */
  marks: number;
  heartbeats: number;
  logEntries: number;
  logBytes: number;
  /** Everything that accepts and commits carried: intent, state, log and outbox as JSON. */
  committedBytes: number;
}

/** Counts the commits that sagas take, one saga after the other, in this process. */
export async function countCommits(directory: string, sagas: number): Promise<StoreCounts> {
  const counts = {
    sagas,
    accepts: 0,
    commits: 0,
    marks: 0,
    heartbeats: 0,
    logEntries: 0,
    logBytes: 0,
    committedBytes: 0,
  };
  const { services, stop } = await openRuntime({ DATA_DIR: directory, LOG_LEVEL: "error" }, (store) =>
    counting(store, counts),
  );
  const sessionId = await createSession(services);
  for (let saga = 0; saga < sagas; saga += 1) await runSaga(services, sessionId);
  await stop();
  return counts;
}

/** Part: how many commits and bytes a saga of three steps takes. */
export async function commitsPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const sagas = quick ? 200 : 2_000;
  say(`${sagas} sagas through a counting store`);
  const startedMs = performance.now();
  const counts = await countCommits(join(directory, "commits"), sagas);
  const seconds = (performance.now() - startedMs) / 1_000;
  const perSaga = (count: number) => count / sagas;
  const commits = perSaga(counts.accepts + counts.commits);
  return {
    rows: [
      {
        figure: "store commits of a 3-step saga",
        measured: `${commits.toFixed(2)} (${perSaga(counts.accepts).toFixed(2)} accept + ${perSaga(counts.commits).toFixed(2)})`,
        beside: "n steps need n + 1",
        ratio: commits / 4,
      },
      {
        figure: "log of a 3-step saga",
        measured: `${perSaga(counts.logEntries).toFixed(1)} entries, ${bytes(perSaga(counts.logBytes))}`,
        beside: `${bytes(perSaga(counts.committedBytes))} committed in all`,
      },
      {
        figure: "other writes, one saga at a time",
        measured: `${(counts.heartbeats / seconds).toFixed(1)} heartbeats a second`,
        beside: `${perSaga(counts.marks).toFixed(2)} outbox marks a saga, after its answer`,
      },
    ],
    figures: { ...counts, seconds },
  };
}

function counting(store: ExecutionStore, counts: StoreCounts): ExecutionStore {
  return {
    ...store,
    accept: (acceptance) => {
      counts.accepts += 1;
      counts.committedBytes += jsonBytes(acceptance.intent);
      countChange(counts, acceptance);
      return store.accept(acceptance);
    },
    commit: (commit) => {
      counts.commits += 1;
      countChange(counts, commit);
      return store.commit(commit);
    },
    markPublished: (eventIds, atMs) => {
      counts.marks += 1;
      return store.markPublished(eventIds, atMs);
    },
    beat: (workerId, nowMs) => {
      counts.heartbeats += 1;
      return store.beat(workerId, nowMs);
    },
  };
}

function countChange(counts: StoreCounts, { state, change }: Acceptance | Commit): void {
  const logged = logBytes(change);
  counts.logEntries += change.log.length;
  counts.logBytes += logged;
  const outbox = change.outbox.reduce((sum, message) => sum + Buffer.byteLength(message.data), 0);
  counts.committedBytes += logged + outbox + jsonBytes(state.head) + jsonBytes(state.steps) + jsonBytes(change.records);
}

function logBytes(change: Change): number {
  return change.log.reduce((sum, row) => sum + Buffer.byteLength(row.text), 0);
}

function jsonBytes(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
