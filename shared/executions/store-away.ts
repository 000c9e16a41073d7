import { type Clock, parseRfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { Random } from "../random.ts";
import { backoffMs, type RetryPolicy } from "../sagas/retry-policy.ts";
import type { Execution } from "./execution.ts";
import type { Journal } from "./journal.ts";
import { letGo } from "./let-go.ts";

/** How long a step waits for a store before it tries again: without an end of its own, for the end is the execution's. */
const WAIT: RetryPolicy = { maxAttempts: Number.POSITIVE_INFINITY, initialDelayMs: 200, maxDelayMs: 30_000 };
const FIRST_LOOK_MS = 1_000;
const LAST_LOOK_MS = 30_000;

/** How the stores of this runtime say that they cannot be reached. */
const AWAY = new Set([
  "store.unavailable",
  "object_store.unavailable",
  "records.unavailable",
  "graph_store.unavailable",
]);

/**
 * Whether it is a store of this runtime that could not be reached. That is nothing that a step did, so it uses up none of its attempts
 * (ADR 0019).
 */
export function isStoreAway(error: unknown): error is RuntimeError {
  return error instanceof RuntimeError && error.retryable && AWAY.has(error.code);
}

/** Milliseconds until a step that has waited for a store so many times in a row tries again. */
export function storeWaitMs(waits: number, fraction: number): number {
  return backoffMs(WAIT, waits, fraction);
}

/**
 * Lets go of an execution that cannot be taken up because what it refers to cannot be read now. It is looked at again after as long
 * as it has waited, and no attempt counts as lost.
 */
export function letGoUntilStoreIsBack(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  journal: Journal,
): Promise<Execution> {
  const waitedMs = clock.now() - parseRfc3339(journal.state.updated_at);
  const delayMs = Math.min(Math.max(waitedMs, FIRST_LOOK_MS), LAST_LOOK_MS) * (0.5 + random.fraction() / 2);
  return letGo(journal, clock.now() + Math.ceil(delayMs));
}
