import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import type { ReceivedEvent } from "../kit/audit.ts";
import type { Request } from "./fixtures/worker-messages.ts";
import { startWorker, type WorkerProcess } from "./worker-processes.ts";

/** Several worker processes over one store, of which some die while they work. */
export interface Fleet {
  readonly workers: readonly WorkerProcess[];
  /** Resolves when as many as wanted take intents. */
  ready(): Promise<void>;
  /** Kills one at random every so many milliseconds and starts another in its place, until told to stop; returns how many. */
  killEvery(everyMs: number, until: AbortSignal): Promise<number>;
  /** Submits until one acknowledges: the same key leads to the same execution. */
  submit(request: Request): Promise<string>;
  /** Freezes a worker that holds work, and not the store's lock, for so long; returns the worker. */
  freeze(forMs: number, requests: readonly Request[]): Promise<WorkerProcess>;
  /** Every event that any of them published, those that are dead included. */
  readonly published: readonly ReceivedEvent[];
  /** Commits that the store refused any of them. */
  readonly fenced: number;
  /** Kills them all. */
  end(): Promise<void>;
}

/** `envOf`: environment variables besides the data folder's, of a worker by its place; who takes its place gets the same. */
export function startFleet(
  dataDir: string,
  databasePath: string,
  size: number,
  envOf: (place: number) => Readonly<Record<string, string>> = () => ({}),
): Fleet {
  const workers = Array.from({ length: size }, (_, place) => startWorker(dataDir, envOf(place)));
  const everyWorker = [...workers];
  const spared = new Set<WorkerProcess>();
  const up = new Set<WorkerProcess>();
  const watch = (worker: WorkerProcess): void => {
    worker.ready.then(
      () => up.add(worker),
      () => undefined,
    );
    void worker.exited.then(() => up.delete(worker));
  };
  workers.forEach(watch);

  const oneOf = (candidates: readonly WorkerProcess[]): WorkerProcess | undefined =>
    candidates[Math.floor(Math.random() * candidates.length)];
  const serving = (): readonly WorkerProcess[] => workers.filter((worker) => up.has(worker) && !spared.has(worker));

  return {
    workers,
    ready: async () => {
      await Promise.all(workers.map(({ ready }) => ready));
    },

    killEvery: async (everyMs, until) => {
      let kills = 0;
      while (!until.aborted) {
        await sleep(everyMs);
        const victim = oneOf(serving());
        // One that serves is left, so that the work goes on at all.
        if (victim === undefined || serving().length < 2) continue;
        victim.signal("SIGKILL");
        up.delete(victim);
        kills += 1;
        const place = workers.indexOf(victim);
        const next = startWorker(dataDir, envOf(place));
        everyWorker.push(next);
        workers.splice(place, 1, next);
        watch(next);
      }
      return kills;
    },

    submit: async (request) => {
      for (;;) {
        const executionId = await oneOf(serving())?.submit(request);
        if (executionId !== undefined) return executionId;
        await sleep(5);
      }
    },

    freeze: async (forMs, requests) => {
      let worker = oneOf(serving());
      while (worker === undefined) {
        await sleep(10);
        worker = oneOf(serving());
      }
      const frozen = worker;
      spared.add(frozen);
      const answers = requests.map((request) => frozen.submit(request));
      await Promise.race(answers);
      await stopOutsideTheLock(frozen, databasePath);
      await sleep(forMs);
      frozen.signal("SIGCONT");
      return frozen;
    },

    get published() {
      return everyWorker.flatMap(({ published }) => published);
    },
    get fenced() {
      return everyWorker.reduce((sum, { fenced }) => sum + fenced, 0);
    },

    end: async () => {
      for (const worker of workers) worker.signal("SIGKILL");
      await Promise.all(workers.map(({ exited }) => exited));
    },
  };
}

/** A process that is stopped while it writes holds up all the others: no lease helps against that, so the test avoids it. */
async function stopOutsideTheLock(worker: WorkerProcess, databasePath: string): Promise<void> {
  const db = new DatabaseSync(databasePath, { timeout: 100 });
  try {
    for (;;) {
      worker.signal("SIGSTOP");
      try {
        db.exec("BEGIN IMMEDIATE; ROLLBACK");
        return;
      } catch {
        worker.signal("SIGCONT");
        await sleep(3);
      }
    }
  } finally {
    db.close();
  }
}
