import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { TenantLine } from "../../../infra/adapters/wasm/tenant-line.ts";
import { trustedTenantId } from "../../../shared/ids.ts";

const acme = trustedTenantId("acme");
const rival = trustedTenantId("rival");

describe("the line of calls", () => {
  it("L1: a tenant with all its slots in use waits, and others pass it", () => {
    const line = new TenantLine<string>(1);
    line.push(acme, "a1");
    line.push(acme, "a2");
    line.push(rival, "r1");
    expect([line.take(), line.take(), line.take()]).toEqual(["a1", "r1", undefined]);
    line.release(acme);
    expect([line.take(), line.length]).toEqual(["a2", 0]);
  });

  it("passes tenants that may not go on now, and keeps what they wait for", () => {
    const line = new TenantLine<string>(1);
    line.push(acme, "a1");
    line.push(rival, "r1");
    expect([line.take((tenantId) => tenantId === rival), line.take(() => false), line.length]).toEqual([
      "r1",
      undefined,
      1,
    ]);
    expect(line.take()).toBe("a1");
  });

  it("takes out what does not wait any longer", () => {
    const line = new TenantLine<string>(2);
    line.push(acme, "a1");
    expect([line.remove(acme, "a1"), line.remove(acme, "a1"), line.remove(rival, "a1")]).toEqual([true, false, false]);
    expect([line.length, line.lengthOf(acme), line.take()]).toEqual([0, 0, undefined]);
    line.push(acme, "a2");
    line.push(rival, "r1");
    expect([line.clear(), line.length]).toEqual([["a2", "r1"], 0]);
  });

  it("L1, L2: serves in turns and in order, loses nothing, and never more of a tenant than its slots", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("push", "take", "release")), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3 }), (all, slots) => {
        const line = new TenantLine<{ readonly tenant: string; readonly n: number }>(slots);
        const waiting = new Map<string, number[]>();
        const underWay = new Map<string, number>();
        const servedAt = new Map<string, number>();
        for (const [n, [tenant, action]] of all.entries()) {
          const busy = underWay.get(tenant) ?? 0;
          if (action === "push") {
            line.push(trustedTenantId(tenant), { tenant, n });
            waiting.set(tenant, [...(waiting.get(tenant) ?? []), n]);
          } else if (action === "release" && busy > 0) {
            line.release(trustedTenantId(tenant));
            underWay.set(tenant, busy - 1);
          } else if (action === "take") {
            const may = [...waiting].filter(([each, left]) => left.length > 0 && (underWay.get(each) ?? 0) < slots);
            const taken = line.take();
            expect(taken === undefined).toBe(may.length === 0);
            if (taken === undefined) continue;
            expect(waiting.get(taken.tenant)?.shift()).toBe(taken.n);
            underWay.set(taken.tenant, (underWay.get(taken.tenant) ?? 0) + 1);
            expect(underWay.get(taken.tenant)).toBeLessThanOrEqual(slots);
            servedAt.set(taken.tenant, n);
          }
        }
        expect(line.length).toBe([...waiting.values()].flat().length);
      }),
    );
  });
});
