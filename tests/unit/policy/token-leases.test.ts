import { describe, expect, it } from "vitest";

import { createSqliteRateBuckets } from "../../../infra/adapters/sqlite/rate-buckets.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { intentMeters, type Meter } from "../../../shared/policy/meters.ts";
import { createTokenLeases } from "../../../shared/policy/token-leases.ts";
import type { RateBuckets } from "../../../shared/ports/rate-buckets.ts";
import { createManualClock, START_MS } from "../manual-clock.ts";

const tenantId = trustedTenantId("acme");
const NONE = {
  intentsPerCaller: undefined,
  intentsPerTenant: undefined,
  sessionsPerCaller: undefined,
  liveExecutions: undefined,
  executionsPerDay: undefined,
  bytesPerDay: undefined,
  storedBytes: undefined,
};

function onlyMeter(limits: Partial<Parameters<typeof intentMeters>[0]>, nowMs: number, bytes = 0): Meter {
  const [meter] = intentMeters({ ...NONE, ...limits }, { tenantId, caller: "ann", nowMs }, bytes);
  if (meter === undefined) throw new Error("there is no meter");
  return meter;
}

/** Buckets that count what is asked of them. */
function counted(buckets: RateBuckets): RateBuckets & { readonly asked: () => number } {
  let asked = 0;
  return {
    take: (key, request) => {
      asked += 1;
      return buckets.take(key, request);
    },
    close: () => buckets.close(),
    asked: () => asked,
  };
}

const rate = { intentsPerCaller: { requests: 100, windowMs: 60_000 } };

describe("leases of tokens", () => {
  it("ask the store once for ten requests, and grant exactly what the bucket holds", async () => {
    const clock = createManualClock();
    const buckets = counted(createSqliteRateBuckets(":memory:"));
    const leases = createTokenLeases({ buckets, clock });
    const meter = onlyMeter(rate, clock.now());
    const outcomes: string[] = [];
    for (let n = 0; n < 105; n += 1) outcomes.push((await leases.draw(meter)).outcome);
    expect(outcomes).toEqual([...Array<string>(100).fill("granted"), ...Array<string>(5).fill("refused")]);
    expect(buckets.asked()).toBe(11);
  });

  it("L2: a flood of refused requests asks the store nothing, until a token can be there", async () => {
    const clock = createManualClock();
    const buckets = counted(createSqliteRateBuckets(":memory:"));
    const leases = createTokenLeases({ buckets, clock });
    const meter = onlyMeter(rate, clock.now());
    for (let n = 0; n < 101; n += 1) await leases.draw(meter);
    const asked = buckets.asked();
    for (let n = 0; n < 1_000; n += 1) expect(await leases.draw(meter)).toMatchObject({ retryAfterMs: 600 });
    expect(buckets.asked()).toBe(asked);
    await clock.advance(600);
    expect(await leases.draw(meter)).toMatchObject({ outcome: "granted" });
  });

  it("answer requests that come at once with one call", async () => {
    const clock = createManualClock();
    const buckets = counted(createSqliteRateBuckets(":memory:"));
    const leases = createTokenLeases({ buckets, clock });
    const meter = onlyMeter(rate, clock.now());
    const readings = await Promise.all(Array.from({ length: 10 }, () => leases.draw(meter)));
    expect(readings.map(({ outcome }) => outcome)).toEqual(Array(10).fill("granted"));
    expect(buckets.asked()).toBe(1);
  });

  it("L1: two processes grant no more together in any minute than the bucket gives and a batch for each", async () => {
    const clock = createManualClock();
    const buckets = createSqliteRateBuckets(":memory:");
    const processes = [createTokenLeases({ buckets, clock }), createTokenLeases({ buckets, clock })];
    const meter = onlyMeter(rate, clock.now());
    const grants: number[] = [];
    // Both hold back what they can just before the minute, then take all they get.
    for (const leases of processes) await leases.draw(meter);
    for (let tenths = 0; tenths < 900; tenths += 1) {
      await clock.advance(100);
      for (const leases of processes) if ((await leases.draw(meter)).outcome === "granted") grants.push(clock.now());
    }
    const inMinutesFrom = (from: number): number => grants.filter((at) => at >= from && at < from + 60_000).length;
    const most = Math.max(...grants.map(inMinutesFrom));
    expect(most).toBeGreaterThan(100);
    // 100 that are there, 100 that are filled in, and a batch of 10 for each process.
    expect(most).toBeLessThanOrEqual(100 + 100 + 2 * meter.batch);
  });

  it("L4: what was not used in time is lost, and never granted twice", async () => {
    const clock = createManualClock();
    const leases = createTokenLeases({ buckets: createSqliteRateBuckets(":memory:"), clock });
    const meter = onlyMeter({ executionsPerDay: 20_000 }, clock.now());
    expect(await leases.draw(meter)).toMatchObject({ remaining: 19_999 });
    await clock.advance(10_001);
    // 20 were taken and one was used: the other 19 are gone.
    expect(await leases.draw(meter)).toMatchObject({ remaining: 19_979 });
  });

  it("a day's quota is full again at midnight UTC, and says so", async () => {
    const clock = createManualClock(START_MS + 20 * 3_600_000);
    const leases = createTokenLeases({ buckets: createSqliteRateBuckets(":memory:"), clock });
    const today = onlyMeter({ executionsPerDay: 2 }, clock.now());
    await leases.draw(today);
    await leases.draw(today);
    expect(await leases.draw(today)).toMatchObject({ outcome: "refused", retryAfterMs: 4 * 3_600_000 });
    leases.giveBack(today);
    expect(await leases.draw(today)).toMatchObject({ outcome: "granted" });
    await clock.advance(4 * 3_600_000);
    const tomorrow = onlyMeter({ executionsPerDay: 2 }, clock.now());
    expect(await leases.draw(tomorrow)).toMatchObject({ outcome: "granted", remaining: 1 });
  });

  it("lets a small wish in after a large one was refused, and refuses for good what no bucket holds", async () => {
    const clock = createManualClock();
    const leases = createTokenLeases({ buckets: createSqliteRateBuckets(":memory:"), clock });
    const of = (bytes: number): Meter => onlyMeter({ bytesPerDay: 10_000 }, clock.now(), bytes);
    expect(await leases.draw(of(6_000))).toMatchObject({ outcome: "granted" });
    expect(await leases.draw(of(6_000))).toMatchObject({ outcome: "refused" });
    expect(await leases.draw(of(4_000))).toMatchObject({ outcome: "granted" });
    expect(await leases.draw(of(10_001))).toMatchObject({ outcome: "refused" });
  });

  it("L3: grant nothing while the store is away, and go on when it is back", async () => {
    const clock = createManualClock();
    const inner = createSqliteRateBuckets(":memory:");
    let away = true;
    const gone = createSqliteRateBuckets(":memory:");
    await gone.close();
    const buckets: RateBuckets = { ...inner, take: (key, request) => (away ? gone : inner).take(key, request) };
    const leases = createTokenLeases({ buckets, clock });
    const meter = onlyMeter(rate, clock.now());
    await expect(leases.draw(meter)).rejects.toMatchObject({ code: "store.unavailable", status: 503 });
    away = false;
    expect(await leases.draw(meter)).toMatchObject({ outcome: "granted" });
  });
});
