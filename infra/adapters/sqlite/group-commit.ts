import type { DatabaseSync } from "node:sqlite";

import { RuntimeError } from "../../../shared/errors.ts";

/** How long work that may ride along waits for a transaction to ride on. */
const RIDE_WITHIN_MS = 20;

/**
 * Group commit: writers that arrive in one turn of the event loop share one transaction and one flush to the disk.
 *
 *  G1  A writer hears of success only after the shared transaction is on the disk.
 *  G2  A writer that throws rolls back its own work alone: the others of its group then run again, each by itself.
 *  G3  When a transaction fails, every writer in it hears so, and none of its work remains.
 */
export interface GroupCommit {
  /** `work` may run twice (G2), the first time in vain: it must touch nothing but the database. */
  run<Result>(work: () => Result): Promise<Result>;
  /** Runs `work` in the next transaction that somebody else needs, or in its own after a moment: it costs no flush of its own. */
  ride<Result>(work: () => Result): Promise<Result>;
  /** Resolves when all that was queued is settled. */
  settled(): Promise<void>;
}

interface Writer {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

type Outcome = { readonly kind: "committed" } | { readonly kind: "undone"; readonly reason: unknown };

export function createGroupCommit(db: DatabaseSync): GroupCommit {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  let queue: Writer[] = [];
  let scheduled: PromiseWithResolvers<void> | undefined;
  let ride: NodeJS.Timeout | undefined;

  /** One transaction of all these writers. `undone` means that one of them threw and nothing was written. */
  const transact = (writers: readonly Writer[]): Outcome => {
    try {
      begin.run();
      const values: unknown[] = [];
      for (const { work } of writers) {
        try {
          values.push(work());
        } catch (reason) {
          // Some errors, such as a full disk, have rolled back already.
          if (db.isTransaction) db.exec("ROLLBACK");
          return { kind: "undone", reason: storeError(reason) };
        }
      }
      commit.run();
      writers.forEach(({ resolve }, index) => resolve(values[index] as never));
    } catch (cause) {
      if (db.isOpen && db.isTransaction) db.exec("ROLLBACK");
      const reason = storeUnavailable(cause);
      for (const { reject } of writers) reject(reason);
    }
    return { kind: "committed" };
  };

  const flush = (): void => {
    const group = queue;
    queue = [];
    clearTimeout(ride);
    ride = undefined;
    if (transact(group).kind === "undone") {
      for (const writer of group) {
        const outcome = transact([writer]);
        if (outcome.kind === "undone") writer.reject(outcome.reason);
      }
    }
    scheduled?.resolve();
    scheduled = undefined;
  };

  const schedule = (): void => {
    if (scheduled !== undefined) return;
    scheduled = Promise.withResolvers();
    setImmediate(flush);
  };

  const enqueue = <Result>(work: () => Result): Promise<Result> =>
    new Promise((resolve, reject) => {
      queue.push({ work, resolve, reject });
    });

  return {
    run: (work) => {
      schedule();
      return enqueue(work);
    },
    ride: (work) => {
      if (scheduled === undefined) ride ??= setTimeout(schedule, RIDE_WITHIN_MS);
      return enqueue(work);
    },
    settled: async () => {
      if (queue.length > 0) schedule();
      await scheduled?.promise;
    },
  };
}

/** SQLITE_CONSTRAINT, in the low byte of every constraint error's code. */
const CONSTRAINT = 19;

/** What a caller hears of an error: an outage as `store.unavailable`; a broken constraint, which is a fault of ours, as it is. */
export function storeError(error: unknown): unknown {
  if (error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === CONSTRAINT) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ERR_SQLITE_ERROR" || code === "ERR_INVALID_STATE" ? storeUnavailable(error) : error;
}

/** The error of a database that cannot be used right now: nothing was written, and the call may be tried again. */
function storeUnavailable(cause: unknown): RuntimeError {
  return new RuntimeError("store.unavailable", "The store cannot be reached; nothing was written. Try again.", {
    status: 503,
    retryable: true,
    cause,
  });
}
