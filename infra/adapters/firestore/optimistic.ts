import { setTimeout as sleep } from "node:timers/promises";

import type { Firestore } from "@google-cloud/firestore";

import { RuntimeError } from "../../../shared/errors.ts";
import type { ChangeSet, WriteTimes } from "./change-set.ts";
import type { Reach } from "./reach.ts";

const MAX_ATTEMPTS = 16;
const FIRST_PAUSE_MS = 4;
const MAX_PAUSE_MS = 250;

/** What follows from the documents that were read: an answer, or writes and the answer once they are applied. */
export type Decision<Outcome> =
  | { readonly answer: Outcome }
  | { readonly set: ChangeSet; readonly applied: (times: WriteTimes) => Outcome };

export const answer = <Outcome>(outcome: Outcome): Decision<Outcome> => ({ answer: outcome });

/**
 * Decides on documents, and writes on condition that they are still as they were; if not, decides anew.
 *  O1  On its first attempt a decision may rely on what this process remembers; an answer without a write, and every
 *      later attempt, rest on documents that were read in this very attempt.
 *  O2  A lost race may have been lost to itself: the client library repeats a commit whose answer it did not get. So every
 *      operation leaves its mark in a document that it writes, and a later attempt looks for it first.
 * Throws `store.contended` (503, retryable) when others were faster every time.
 */
export type Attempt<Outcome> = (again: boolean) => Promise<Decision<Outcome>>;

export async function writeOptimistically<Outcome>(
  db: Firestore,
  reach: Reach,
  attempt: Attempt<Outcome>,
): Promise<Outcome> {
  for (let n = 1; n <= MAX_ATTEMPTS; n += 1) {
    const decision = await attempt(n > 1);
    if ("answer" in decision) return decision.answer;
    const times = await decision.set.commit(db, reach);
    if (times !== undefined) return decision.applied(times);
    // Jittered, so that those who met do not meet again; the first time at once, for it was mostly a memory that was old.
    if (n > 1) await sleep(Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** n));
  }
  throw new RuntimeError(
    "store.contended",
    "Others change the same records all the time; nothing was written. Try again.",
    {
      status: 503,
      retryable: true,
    },
  );
}
