import { setTimeout as sleep } from "node:timers/promises";

import type { Timestamp } from "@google-cloud/firestore";

import { RuntimeError } from "../../../shared/errors.ts";
import { DEAF, type Listen } from "../../../shared/store-clock.ts";

/** How long one call to Firestore may take; a call of the store makes a few, one after the other. */
const CALL_TIMEOUT_MS = 8_000;
/** How many calls may be under way that nobody waits for: the client library repeats what it cannot send for ten minutes. */
const MAX_GIVEN_UP = 64;
/** How often a call is let through when so many are. */
const PROBE_EVERY_MS = 1_000;
/** How long closing waits for what is under way. */
const CLOSE_TIMEOUT_MS = 10_000;

/** The gRPC status codes that tell of a fault of ours, which no repetition mends; google/rpc/code.proto. */
const OURS: ReadonlySet<unknown> = new Set([3, 7, 9, 11, 12, 16]);

/**
 * The way to Firestore.
 *  T1  Every call ends in bounded time, whatever Firestore does: in an answer, or in `store.unavailable`.
 *  T2  A call that was given up may still be carried out later: what it writes must be harmless then (preconditions).
 *  T3  While Firestore is silent, no more than some calls pile up behind it: the rest is refused at once, but for one a second,
 *      whose answer lets all through again.
 *  T4  What was asked before closing is finished; what is asked after is refused.
 */
export interface Reach {
  /** Runs one operation of the store. */
  run<Result>(operation: () => Promise<Result>): Promise<Result>;
  /**
   * One call to Firestore; `timeIn` takes Firestore's own time out of its answer, and `when` says which time that is.
   * Throws `store.unavailable` (503, retryable) and `store.refused` (500, a fault of ours).
   */
  call<Result>(
    call: () => Promise<Result>,
    timeIn?: (answer: Result) => Timestamp | undefined,
    when?: "before",
  ): Promise<Result>;
  /** Resolves when nothing is under way; refuses what comes later. */
  close(): Promise<void>;
}

/** `listen` is told the time of Firestore. */
export function createReach(listen: Listen = DEAF): Reach {
  const underWay = new Set<Promise<unknown>>();
  let closed = false;
  let silent = false;
  let givenUp = 0;
  let probedAt = 0;

  const mayCall = (): boolean => {
    if (!silent || givenUp < MAX_GIVEN_UP) return true;
    const now = performance.now();
    if (now - probedAt < PROBE_EVERY_MS) return false;
    probedAt = now;
    return true;
  };
  const giveUp = (calling: Promise<unknown>): void => {
    silent = true;
    givenUp += 1;
    const over = (): void => {
      givenUp -= 1;
    };
    const answered = (): void => {
      silent = false;
      over();
    };
    calling.then(answered, over);
  };

  return {
    run: async (operation) => {
      if (closed) throw storeUnavailable("it was closed");
      const running = operation();
      underWay.add(running);
      try {
        return await running;
      } finally {
        underWay.delete(running);
      }
    },
    call: async (call, timeIn, when) => {
      if (!mayCall()) throw storeUnavailable("it has not answered for a while");
      const patience = new AbortController();
      const tooLong = sleep(CALL_TIMEOUT_MS, "too long" as const, { signal: patience.signal });
      const hear = listen();
      // Also what a call throws before it has begun is a rejection.
      const calling = Promise.try(call);
      try {
        const answer = await Promise.race([calling.then((value) => ({ value })), tooLong]);
        if (answer !== "too long") {
          silent = false;
          const time = timeIn?.(answer.value);
          if (time !== undefined) hear(time.toMillis(), when);
          return answer.value;
        }
      } catch (error) {
        throw storeError(error);
      } finally {
        patience.abort();
        tooLong.catch(() => undefined);
      }
      giveUp(calling);
      throw storeUnavailable(`no answer within ${CALL_TIMEOUT_MS} ms`);
    },
    close: async () => {
      closed = true;
      await within(CLOSE_TIMEOUT_MS, Promise.allSettled(underWay));
    },
  };
}

/** Resolves when the work is done or the time is over; the work goes on. */
export async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const over = sleep(timeoutMs, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([work.catch(() => undefined), over]);
  patience.abort();
}

/** The gRPC status code of an error, when it has one. */
export function statusOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function storeError(error: unknown): unknown {
  if (error instanceof RuntimeError) return error;
  const status = statusOf(error);
  const reason = statusNameOf(error);
  if (!OURS.has(status)) return storeUnavailable(reason, error);
  return new RuntimeError("store.refused", `Firestore refuses a call of this software (${reason}).`, { cause: error });
}

/** Such as UNAVAILABLE. The rest of gRPC's text names projects and addresses, which are for the log and not for callers. */
function statusNameOf(error: unknown): string {
  return /^\d+ ([A-Z_]+):/.exec(error instanceof Error ? error.message : "")?.[1] ?? "no answer";
}

function storeUnavailable(reason: string, cause?: unknown): RuntimeError {
  return new RuntimeError("store.unavailable", `The store cannot be reached (${reason}). Try again.`, {
    status: 503,
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
