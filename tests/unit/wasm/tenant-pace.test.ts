import { describe, expect, it } from "vitest";

import { TenantPace } from "../../../infra/adapters/wasm/tenant-pace.ts";
import { trustedTenantId } from "../../../shared/ids.ts";

const acme = trustedTenantId("acme");
const rival = trustedTenantId("rival");

describe("the pace of tenants", () => {
  it("P1: is long from the first long call on, and not any more after some short ones; of one tenant it says nothing of another", () => {
    const pace = new TenantPace();
    expect(pace.of(acme)).toBe("short");
    pace.add(acme, 10, false);
    expect([pace.of(acme), pace.of(rival)]).toEqual(["long", "short"]);
    let shortCalls = 0;
    for (; pace.of(acme) === "long"; shortCalls += 1) pace.add(acme, 0.1, false);
    expect(shortCalls).toBeGreaterThan(2);
    expect(shortCalls).toBeLessThan(10);
  });

  it("P1: one long call among many short ones does not make calls long for long", () => {
    const pace = new TenantPace();
    for (let n = 0; n < 100; n += 1) pace.add(acme, 0.2, false);
    pace.add(acme, 5, false);
    expect(pace.of(acme)).toBe("short");
    pace.add(acme, 1_000, false);
    expect(pace.of(acme)).toBe("long");
  });

  it("P2: is cut off from the first such call on, however short it was, then long for a while, and short again after good calls", () => {
    const pace = new TenantPace();
    for (let n = 0; n < 100; n += 1) pace.add(acme, 0.2, false);
    pace.add(acme, 0.1, true);
    const seen: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      if (seen.at(-1) !== pace.of(acme)) seen.push(pace.of(acme));
      pace.add(acme, 0.2, false);
    }
    expect(seen).toEqual(["cut_off", "long", "short"]);
  });

  it("remembers the tenants of the last calls only", () => {
    const pace = new TenantPace();
    pace.add(acme, 10, false);
    for (let n = 0; n < 2_000; n += 1) pace.add(trustedTenantId(`tenant_${n}`), 1, false);
    expect(pace.of(acme)).toBe("short");
  });
});
