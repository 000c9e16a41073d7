import { randomUUID } from "node:crypto";

import { afterEach, describe, expect, it } from "vitest";

import type { RateBuckets } from "../../shared/ports/rate-buckets.ts";
import type { TokenRequest } from "../../shared/token-bucket.ts";

const NOW = 1_800_000_000_000;
const request: TokenRequest = {
  capacity: 10,
  refillPerSecond: 2,
  nowMs: NOW,
  wanted: 1,
  atLeast: 1,
  keepMs: 60_000,
};

/** What every adapter of the port does; `open` gives another process's view of the same buckets each time. */
export function describeRateBuckets(name: string, open: () => Promise<RateBuckets>): void {
  describe(`rate buckets: ${name}`, () => {
    const opened: RateBuckets[] = [];
    const buckets = async (): Promise<RateBuckets> => {
      const each = await open();
      opened.push(each);
      return each;
    };
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((each) => each.close()));
    });

    it("grants what a new bucket holds, and says when the next one comes", async () => {
      const key = randomUUID();
      const here = await buckets();
      expect(await here.take(key, { ...request, wanted: 7 })).toEqual({ granted: 7, remaining: 3, retryAfterMs: 0 });
      expect(await here.take(key, { ...request, wanted: 7 })).toEqual({ granted: 3, remaining: 0, retryAfterMs: 0 });
      expect(await here.take(key, request)).toEqual({ granted: 0, remaining: 0, retryAfterMs: 500 });
    });

    it("takes none when there are fewer than are needed", async () => {
      const key = randomUUID();
      const here = await buckets();
      await here.take(key, { ...request, wanted: 6 });
      const refused = await here.take(key, { ...request, wanted: 8, atLeast: 8 });
      expect(refused).toEqual({ granted: 0, remaining: 4, retryAfterMs: 2_000 });
      expect(await here.take(key, { ...request, wanted: 4, atLeast: 4 })).toMatchObject({ granted: 4 });
    });

    it("fills again with time, and never above its capacity", async () => {
      const key = randomUUID();
      const here = await buckets();
      await here.take(key, { ...request, wanted: 10 });
      expect(await here.take(key, { ...request, nowMs: NOW + 1_250, wanted: 9 })).toMatchObject({ granted: 2 });
      // Half a token was left, and half a one comes in 250 ms.
      expect(await here.take(key, { ...request, nowMs: NOW + 1_250 })).toMatchObject({ retryAfterMs: 250 });
      expect(await here.take(key, { ...request, nowMs: NOW + 50_000, wanted: 99 })).toMatchObject({ granted: 10 });
    });

    it("never fills by a clock that runs behind", async () => {
      const key = randomUUID();
      const here = await buckets();
      await here.take(key, { ...request, wanted: 10 });
      expect(await here.take(key, { ...request, nowMs: NOW - 30_000 })).toMatchObject({ granted: 0 });
      expect(await here.take(key, { ...request, nowMs: NOW + 500 })).toMatchObject({ granted: 1 });
    });

    it("says that a bucket which is not filled again never gives more", async () => {
      const key = randomUUID();
      const here = await buckets();
      const day = { ...request, refillPerSecond: 0 };
      expect(await here.take(key, { ...day, wanted: 10 })).toMatchObject({ granted: 10 });
      const refused = await here.take(key, { ...day, nowMs: NOW + 50_000 });
      expect(refused).toEqual({ granted: 0, remaining: 0, retryAfterMs: undefined });
    });

    it("keeps buckets apart, whatever their names", async () => {
      const here = await buckets();
      const run = randomUUID();
      const keys = ["a:b", "a", "b", "a b", "{a}", "ä/%", "__x__", `${"x".repeat(900)}1`, `${"x".repeat(900)}2`];
      for (const key of keys) {
        expect([key, await here.take(`${run}${key}`, { ...request, wanted: 10 })]).toMatchObject([
          key,
          { granted: 10 },
        ]);
      }
    });

    it("B1: processes that draw at the same time get no more than the bucket holds", async () => {
      const key = randomUUID();
      const processes = await Promise.all([buckets(), buckets(), buckets()]);
      const draws = processes.flatMap((each) => Array.from({ length: 5 }, () => each.take(key, request)));
      const grants = await Promise.all(draws);
      expect(grants.reduce((sum, { granted }) => sum + granted, 0)).toBe(10);
    });

    it("B2: what was closed grants nothing", async () => {
      const here = await buckets();
      await here.close();
      await expect(here.take(randomUUID(), request)).rejects.toMatchObject({ code: "store.unavailable", status: 503 });
    });
  });
}
