import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createFairLine } from "../../shared/fair-line.ts";

/** All that is in line, in the order in which it is served. */
function serve<Item>(line: ReturnType<typeof createFairLine<Item>>): Item[] {
  const served: Item[] = [];
  for (let item = line.shift(); item !== undefined; item = line.shift()) served.push(item);
  return served;
}

describe("a fair line", () => {
  it("serves one tenant in the order in which its items came", () => {
    const line = createFairLine<number>();
    for (let n = 0; n < 5_000; n += 1) line.push("acme", 4, n);
    expect(line.length).toBe(5_000);
    expect(serve(line)).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
    expect([line.length, line.lengthOf("acme")]).toEqual([0, 0]);
  });

  it("serves whoever comes behind a flood within one turn of it", () => {
    const line = createFairLine<string>();
    for (let n = 0; n < 1_000; n += 1) line.push("flood", 4, "flood");
    line.push("quiet", 4, "quiet");
    expect(serve(line).indexOf("quiet")).toBeLessThanOrEqual(3);
  });

  it("counts by cost: a tenant of long sagas gets as much as one of short ones", () => {
    const line = createFairLine<{ readonly tenant: string; readonly cost: number }>();
    for (let n = 0; n < 400; n += 1) {
      line.push("short", 2, { tenant: "short", cost: 2 });
      line.push("long", 20, { tenant: "long", cost: 20 });
    }
    const share = { short: 0, long: 0 };
    for (let n = 0; n < 220; n += 1) {
      const item = line.shift();
      if (item !== undefined) share[item.tenant as "short" | "long"] += item.cost;
    }
    expect(share.long / share.short).toBeGreaterThan(0.9);
    expect(share.long / share.short).toBeLessThan(1.1);
  });

  it("keeps no claim for a tenant whose line was empty", () => {
    const line = createFairLine<string>();
    line.push("idle", 1, "idle");
    line.shift();
    for (let n = 0; n < 100; n += 1) line.push("busy", 8, "busy");
    for (let n = 0; n < 100; n += 1) line.push("idle", 8, "idle");
    const first = Array.from({ length: 20 }, () => line.shift());
    expect(first.filter((item) => item === "idle")).toHaveLength(10);
  });

  it("Q1, Q2: loses nothing, keeps each tenant's order, and no waiting tenant falls behind by more than a turn and an item", () => {
    const pushes = fc.array(
      fc.record({ tenant: fc.constantFrom("a", "b", "c"), cost: fc.integer({ min: 1, max: 40 }) }),
      {
        maxLength: 120,
      },
    );
    fc.assert(
      fc.property(pushes, (all) => {
        const line = createFairLine<{ readonly tenant: string; readonly cost: number; readonly n: number }>();
        all.forEach(({ tenant, cost }, n) => line.push(tenant, cost, { tenant, cost, n }));
        const waiting = new Map<string, number>();
        for (const { tenant } of all) waiting.set(tenant, (waiting.get(tenant) ?? 0) + 1);
        const got = new Map<string, number>([...waiting.keys()].map((tenant) => [tenant, 0]));
        const last = new Map<string, number>();
        for (let served = 0; served < all.length; served += 1) {
          const item = line.shift();
          expect(item).toBeDefined();
          if (item === undefined) return;
          expect(item.n).toBeGreaterThan(last.get(item.tenant) ?? -1);
          last.set(item.tenant, item.n);
          got.set(item.tenant, (got.get(item.tenant) ?? 0) + item.cost);
          waiting.set(item.tenant, (waiting.get(item.tenant) ?? 0) - 1);
          const open = [...waiting].filter(([, left]) => left > 0).map(([tenant]) => got.get(tenant) ?? 0);
          // Both ends of the comparison have waited from the start: 8 a turn, 40 an item.
          if (open.length > 1) expect(Math.max(...open) - Math.min(...open)).toBeLessThanOrEqual(2 * 8 + 40);
        }
        expect(line.length).toBe(0);
      }),
    );
  });
});
