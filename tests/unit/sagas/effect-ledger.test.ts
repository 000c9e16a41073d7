import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { trustedTenantId } from "../../../shared/ids.ts";
import { createEffectScope } from "../../../shared/sagas/effect-ledger.ts";
import { createStateSurface } from "../../../shared/state/state-surface.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

const ACME = trustedTenantId("acme");

/** Several processes over one database file: each has a store of its own. */
async function openLedger(processes = 1) {
  const folder = await temporaryFolder();
  const stores = Array.from({ length: processes }, () => createSqliteStore(`${folder.path}/runtime.db`));
  const scopes = (key: string, tenantId = ACME) =>
    stores.map((store) =>
      createEffectScope({ store, surface: createStateSurface(store), nowMs: () => 0 }, tenantId, key),
    );
  const [first] = stores;
  return {
    scopes,
    scope: (key: string, tenantId = ACME) => {
      const [scope] = scopes(key, tenantId);
      if (scope === undefined) throw new Error("no process");
      return scope;
    },
    stored: async (key: string) => (await first?.readRecord(ACME, "effect", key))?.body,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("the effect ledger", () => {
  it("L1: an effect is applied once for a key, and keeps its first fact", async () => {
    await using on = await openLedger();
    const scope = on.scope("e/s");
    expect(await scope.apply({ n: 1 })).toBe("applied");
    expect(await scope.apply({ n: 2 })).toBe("applied_before");
    expect(await on.stored("e/s")).toEqual({ state: "applied", fact: { n: 1 } });
  });

  it("L1: keys and tenants have effects of their own", async () => {
    await using on = await openLedger();
    expect(await on.scope("e/one").apply({})).toBe("applied");
    expect(await on.scope("e/two").apply({})).toBe("applied");
    expect(await on.scope("e/one", trustedTenantId("other")).apply({})).toBe("applied");
  });

  it("L2: undo undoes what was applied; from then on the effect is refused", async () => {
    await using on = await openLedger();
    const scope = on.scope("e/s");
    await scope.apply({ n: 1 });
    expect(await scope.undo()).toBe("undone");
    await expect(scope.apply({ n: 1 })).rejects.toMatchObject({
      code: "effect.refused",
      status: 409,
      retryable: false,
    });
    expect(await on.stored("e/s")).toEqual({ state: "undone", fact: { n: 1 } });
  });

  it("L2: undo of what was never applied buries the key: the late effect of a zombie is refused", async () => {
    await using on = await openLedger();
    const scope = on.scope("e/s");
    expect(await scope.undo()).toBe("buried");
    await expect(scope.apply({ n: 1 })).rejects.toMatchObject({ code: "effect.refused", status: 409 });
    expect(await on.stored("e/s")).toEqual({ state: "buried", fact: {} });
  });

  it("L3: undo is idempotent, and answers alike", async () => {
    await using on = await openLedger();
    const [undone, buried] = [on.scope("e/undone"), on.scope("e/buried")];
    await undone.apply({});
    for (let times = 0; times < 3; times += 1) {
      expect(await undone.undo()).toBe("undone");
      expect(await buried.undo()).toBe("buried");
    }
  });

  it("L1: of many processes that apply at once one does", async () => {
    await using on = await openLedger(4);
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.all(on.scopes(`e/${round}`).map((scope) => scope.apply({ round })));
      expect(outcomes.filter((outcome) => outcome === "applied")).toHaveLength(1);
    }
  });

  it("L2: of an effect and its undo at once nothing is left applied, whichever comes first", async () => {
    await using on = await openLedger(4);
    const seen = new Set<string>();
    for (let round = 0; round < 20; round += 1) {
      const [one, two, three, four] = on.scopes(`e/${round}`);
      const apply = [one, three].map(async (scope) => scope?.apply({ round }).catch(() => "refused"));
      const undo = [two, four].map(async (scope) => scope?.undo());
      const applied = await Promise.all(round % 2 === 0 ? apply : apply.toReversed());
      const undone = await Promise.all(undo);
      const stored = await on.stored(`e/${round}`);
      expect(["undone", "buried"]).toContain(stored?.["state"]);
      expect(new Set(undone)).toEqual(new Set([stored?.["state"]]));
      expect(applied.includes("applied")).toBe(stored?.["state"] === "undone");
      seen.add(String(stored?.["state"]));
    }
    expect(seen.size).toBeGreaterThan(0);
  });
});
