import { type Duration, durationMs } from "../duration.ts";
import { RuntimeError, type RuntimeErrorOptions } from "../errors.ts";

/** How a step is tried again: exponential back-off with full jitter, so that retries of many executions spread out. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

export interface RetryOptions {
  /** 1 means never again. */
  readonly maxAttempts?: number;
  readonly initialDelay?: Duration;
  readonly maxDelay?: Duration;
}

const DEFAULT: RetryPolicy = { maxAttempts: 3, initialDelayMs: 200, maxDelayMs: 30_000 };
/** An undo that gives up leaves work for a person, so it tries harder than a step. */
export const UNDO_RETRY: RetryPolicy = { maxAttempts: 6, initialDelayMs: 200, maxDelayMs: 30_000 };

export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  return {
    maxAttempts: options.maxAttempts ?? DEFAULT.maxAttempts,
    initialDelayMs: options.initialDelay === undefined ? DEFAULT.initialDelayMs : durationMs(options.initialDelay),
    maxDelayMs: options.maxDelay === undefined ? DEFAULT.maxDelayMs : durationMs(options.maxDelay),
  };
}

/**
 * Milliseconds until the attempt after `attempt`: uniform in [0, min(max, initial · 2^(attempt−1))].
 * Full jitter, after M. Brooker, "Exponential Backoff And Jitter" (2015).
 */
export function backoffMs(policy: RetryPolicy, attempt: number, fraction: number): number {
  return Math.floor(fraction * Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** Math.min(attempt - 1, 40)));
}

/** A step throws this when trying again cannot help: the saga compensates at once. */
export class TerminalError extends RuntimeError {
  constructor(code: string, message: string, options: Omit<RuntimeErrorOptions, "retryable"> = {}) {
    super(code, message, { status: 422, ...options, retryable: false });
  }
}

/** A step throws this when trying again may help, and when it says so, not before `retryAfterMs`. */
export class RetryableError extends RuntimeError {
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    message: string,
    options: Omit<RuntimeErrorOptions, "retryable"> & { readonly retryAfterMs?: number } = {},
  ) {
    super(code, message, { status: 503, ...options, retryable: true });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether, and after how many milliseconds, a step that threw is tried again; undefined when it is not. */
export function retryAfterMs(
  policy: RetryPolicy,
  attempt: number,
  error: unknown,
  fraction: number,
): number | undefined {
  if (error instanceof TerminalError || attempt >= policy.maxAttempts) return undefined;
  if (error instanceof RetryableError && error.retryAfterMs !== undefined) return error.retryAfterMs;
  // An error that names its cause and says that it is no passing one is not helped by another attempt.
  if (error instanceof RuntimeError && !error.retryable) return undefined;
  return backoffMs(policy, attempt, fraction);
}
