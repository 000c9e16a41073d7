import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RuntimeError } from "../../../shared/errors.ts";
import {
  backoffMs,
  retryAfterMs,
  RetryableError,
  retryPolicy,
  TerminalError,
} from "../../../shared/sagas/retry-policy.ts";

const policies = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 50 }),
  initialDelayMs: fc.integer({ min: 0, max: 600_000 }),
  maxDelayMs: fc.integer({ min: 0, max: 86_400_000 }),
});
const attempts = fc.integer({ min: 1, max: 5_000 });
const fractions = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const errors = fc.constantFrom<unknown>(
  new Error("unknown"),
  "no error at all",
  new TerminalError("t.t", ""),
  new RetryableError("r.r", ""),
  new RetryableError("r.r", "", { retryAfterMs: 7 }),
  new RuntimeError("x.x", "", { retryable: true }),
  new RuntimeError("x.x", ""),
);

describe("the retry policy", () => {
  it("a delay is a whole number of milliseconds in [0, min(max, initial · 2^(attempt−1)))", () => {
    fc.assert(
      fc.property(policies, attempts, fractions, (policy, attempt, fraction) => {
        const delay = backoffMs(policy, attempt, fraction);
        expect(Number.isSafeInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(
          Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** Math.min(attempt - 1, 1_000)),
        );
      }),
    );
  });

  it("a later attempt never waits less for the same draw", () => {
    fc.assert(
      fc.property(policies, attempts, fractions, (policy, attempt, fraction) => {
        expect(backoffMs(policy, attempt + 1, fraction)).toBeGreaterThanOrEqual(backoffMs(policy, attempt, fraction));
      }),
    );
  });

  it("never tries more often than the policy says, nor again what is final", () => {
    fc.assert(
      fc.property(policies, attempts, errors, fractions, (policy, attempt, error, fraction) => {
        const after = retryAfterMs(policy, attempt, error, fraction);
        const final = error instanceof RuntimeError && !error.retryable;
        expect(after === undefined).toBe(attempt >= policy.maxAttempts || final);
        if (after !== undefined && error instanceof RetryableError && error.retryAfterMs !== undefined)
          expect(after).toBe(7);
      }),
    );
  });

  it("has defaults, each of which may be set alone", () => {
    expect(retryPolicy()).toEqual({ maxAttempts: 3, initialDelayMs: 200, maxDelayMs: 30_000 });
    expect(retryPolicy({ maxAttempts: 1 })).toMatchObject({ maxAttempts: 1, initialDelayMs: 200 });
    expect(retryPolicy({ initialDelay: "2s", maxDelay: "1h" })).toEqual({
      maxAttempts: 3,
      initialDelayMs: 2_000,
      maxDelayMs: 3_600_000,
    });
  });

  it("no number of attempts below one is taken for a policy", () => {
    for (const maxAttempts of [0, -1])
      expect(retryAfterMs(retryPolicy({ maxAttempts }), 1, new Error("x"), 0.5)).toBeUndefined();
  });
});
