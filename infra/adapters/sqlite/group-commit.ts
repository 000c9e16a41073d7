import type { DatabaseSync } from "node:sqlite";

import { RuntimeError } from "../../../shared/errors.ts";

/**
 * Group commit: writers that arrive in one turn of the event loop share one transaction and one flush to the disk.
 *
 *  G1  A writer hears of success only after the shared transaction is on the disk.
 *  G2  A writer that throws rolls back its own work alone.
 *  G3  When the shared transaction fails, every writer in it hears so, and none of its work remains.
 */
export interface GroupCommit {
  run<Result>(work: () => Result): Promise<Result>;
  /** Resolves when all that was queued is settled. */
  settled(): Promise<void>;
}

interface Writer {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

type Outcome = { readonly done: true; readonly value: unknown } | { readonly done: false; readonly reason: unknown };

export function createGroupCommit(db: DatabaseSync): GroupCommit {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const savepoint = db.prepare("SAVEPOINT writer");
  const release = db.prepare("RELEASE writer");
  const undo = db.prepare("ROLLBACK TO writer");
  let queue: Writer[] = [];
  let idle: PromiseWithResolvers<void> | undefined;

  const attempt = (writer: Writer): Outcome => {
    savepoint.run();
    try {
      const value = writer.work();
      release.run();
      return { done: true, value };
    } catch (reason) {
      undo.run();
      release.run();
      return { done: false, reason };
    }
  };

  const flush = (): void => {
    const group = queue;
    queue = [];
    try {
      begin.run();
      const outcomes = group.map(attempt);
      commit.run();
      outcomes.forEach((outcome, index) => {
        const writer = group[index];
        if (outcome.done) writer?.resolve(outcome.value as never);
        else writer?.reject(outcome.reason);
      });
    } catch (cause) {
      if (db.isOpen && db.isTransaction) db.exec("ROLLBACK");
      const reason = storeUnavailable(cause);
      for (const writer of group) writer.reject(reason);
    }
    idle?.resolve();
    idle = undefined;
  };

  return {
    run: (work) =>
      new Promise((resolve, reject) => {
        queue.push({ work, resolve, reject });
        if (queue.length > 1) return;
        idle = Promise.withResolvers();
        setImmediate(flush);
      }),
    settled: async () => {
      await idle?.promise;
    },
  };
}

/** The error of a database that cannot be used right now: nothing was written, and the call may be tried again. */
export function storeUnavailable(cause: unknown): RuntimeError {
  return new RuntimeError("store.unavailable", "The store cannot be reached; nothing was written. Try again.", {
    status: 503,
    retryable: true,
    cause,
  });
}
