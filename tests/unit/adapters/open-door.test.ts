import { describe, expect, it } from "vitest";

import { createSqliteStore } from "../../../infra/adapters/sqlite/execution-store.ts";
import { openDoor } from "../../../infra/adapters/tiered/open-door.ts";
import { trustedTenantId } from "../../../shared/ids.ts";

const TENANT = trustedTenantId("acme");

describe("accepting in a store that was wiped", () => {
  it.each([0, 1, 3])("does so once the record that it needs stays, wiped %i times meanwhile", async (wipes) => {
    let asked = 0;
    const store = createSqliteStore(":memory:");
    const outcome = await openDoor(store, TENANT, ({ kind, id }) => {
      asked += 1;
      if (asked <= wipes) return Promise.resolve({ outcome: "requirement_unmet" });
      return store
        .readRecord(TENANT, kind, id)
        .then((found) => (found === undefined ? { outcome: "requirement_unmet" } : { outcome: "accepted", epoch: 1 }));
    });
    expect(outcome).toEqual({ outcome: "accepted", epoch: 1 });
    await store.close();
  });

  it("says that the store is away, and not that a session is over, when it does not stay", async () => {
    const store = createSqliteStore(":memory:");
    const accepting = openDoor(store, TENANT, () => Promise.resolve({ outcome: "requirement_unmet" }));
    await expect(accepting).rejects.toMatchObject({ code: "store.unavailable", retryable: true });
    await store.close();
  });
});
