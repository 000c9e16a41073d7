import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type BucketState, drawTokens } from "../../shared/token-bucket.ts";

const wish = fc.record({
  afterMs: fc.integer({ min: -500, max: 5_000 }),
  atLeast: fc.integer({ min: 1, max: 5 }),
  more: fc.integer({ min: 0, max: 5 }),
});

describe("a token bucket", () => {
  it("gives in any stretch of time no more than it holds and what is filled in", () => {
    const rates = fc.record({
      capacity: fc.integer({ min: 5, max: 50 }),
      refillPerSecond: fc.integer({ min: 0, max: 20 }),
    });
    fc.assert(
      fc.property(rates, fc.array(wish, { maxLength: 60 }), ({ capacity, refillPerSecond }, wishes) => {
        let state: BucketState | undefined;
        let clockMs = 1_000_000;
        let highestMs = Number.NEGATIVE_INFINITY;
        const grants: { readonly atMs: number; readonly granted: number }[] = [];
        for (const { afterMs, atLeast, more } of wishes) {
          clockMs += afterMs;
          highestMs = Math.max(highestMs, clockMs);
          const request = { capacity, refillPerSecond, nowMs: clockMs, wanted: atLeast + more, atLeast, keepMs: 1 };
          const { after, grant } = drawTokens(state, request);
          state = after;
          expect(grant.granted === 0 || (grant.granted >= atLeast && grant.granted <= atLeast + more)).toBe(true);
          grants.push({ atMs: highestMs, granted: grant.granted });
        }
        for (const [from, first] of grants.entries()) {
          let sum = 0;
          for (const { atMs, granted } of grants.slice(from)) {
            sum += granted;
            const allowed = capacity + ((atMs - first.atMs) * refillPerSecond) / 1_000;
            expect(sum).toBeLessThanOrEqual(allowed + 1e-6);
          }
        }
      }),
    );
  });

  it("grants at the time that it named, when nobody else draws", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 40 }), (atLeast, refillPerSecond) => {
        const request = { capacity: 30, refillPerSecond, nowMs: 0, wanted: atLeast, atLeast, keepMs: 1 };
        const { after } = drawTokens(undefined, { ...request, wanted: 30, atLeast: 30 });
        const { retryAfterMs } = drawTokens(after, request).grant;
        expect(drawTokens(after, { ...request, nowMs: (retryAfterMs ?? 0) + 1 }).grant.granted).toBe(atLeast);
      }),
    );
  });
});
