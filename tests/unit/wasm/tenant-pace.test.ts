import { describe, expect, it } from "vitest";

import { TenantPace } from "../../../infra/adapters/wasm/tenant-pace.ts";
import { trustedTenantId } from "../../../shared/ids.ts";

const acme = trustedTenantId("acme");
const rival = trustedTenantId("rival");

describe("the pace of tenants", () => {
  it("P1: is slow from the first long call on, and not any more after some short ones; of one tenant it says nothing of another", () => {
    const pace = new TenantPace();
    expect(pace.isSlow(acme)).toBe(false);
    pace.add(acme, 10);
    expect([pace.isSlow(acme), pace.isSlow(rival)]).toEqual([true, false]);
    let shortCalls = 0;
    for (; pace.isSlow(acme); shortCalls += 1) pace.add(acme, 0.1);
    expect(shortCalls).toBeGreaterThan(2);
    expect(shortCalls).toBeLessThan(10);
  });

  it("P1: one long call among many short ones does not make a tenant slow for long", () => {
    const pace = new TenantPace();
    for (let n = 0; n < 100; n += 1) pace.add(acme, 0.2);
    pace.add(acme, 5);
    expect(pace.isSlow(acme)).toBe(false);
    pace.add(acme, 1_000);
    expect(pace.isSlow(acme)).toBe(true);
  });

  it("remembers the tenants of the last calls only", () => {
    const pace = new TenantPace();
    pace.add(acme, 10);
    for (let n = 0; n < 2_000; n += 1) pace.add(trustedTenantId(`tenant_${n}`), 1);
    expect(pace.isSlow(acme)).toBe(false);
  });
});
