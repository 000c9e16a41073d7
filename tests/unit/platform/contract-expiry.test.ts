import { expect, it } from "vitest";

import { intents } from "../../../functions/catalog.ts";
import { contractExpiry } from "../../../functions/platform/contract-expiry.ts";
import { createSqliteRecordStore } from "../../../infra/adapters/sqlite/record-store.ts";
import { systemClock } from "../../../infra/adapters/system/system.ts";
import { type TenantId, trustedTenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";
import { recordsUnavailable, type RecordStore } from "../../../shared/ports/record-store.ts";
import { newSession, openRuntime, type TestRuntime } from "../../kit/runtime.ts";

const GLOBEX = trustedTenantId("globex");
const DAY_MS = 86_400_000;

/** An active contract for one day. */
async function authorized(runtime: TestRuntime, tenantId: TenantId, kind: "client" | "platform"): Promise<string> {
  const sessionId = await newSession(runtime.services, tenantId);
  const asked = { tenantId, sessionId, roles: ["operator", "platform"] as const };
  const owner = { data_classification: kind };
  const source = { ...owner, source_external_id: "crm/1" };
  const { output } = await runtime.run("steward.request_data_access", source, asked);
  const contract_id = String((output as JsonObject)["contract_id"]);
  const terms = { ...owner, contract_id, materialization_type: "reference", backing_store: "none", lifetime_days: 1 };
  const { status } = await runtime.run("steward.authorize_materialization", terms, asked);
  expect(status).toBe("completed");
  return contract_id;
}

it("the expiry of contracts: every tenant's and the platform's, also when one tenant's turn fails, and that one later", async () => {
  let nowMs = systemClock.now();
  const clock = { now: () => nowMs, sleep: systemClock.sleep };
  const inner = createSqliteRecordStore(":memory:");
  let failing: TenantId | undefined;
  const records: RecordStore = {
    ...inner,
    apply: (view, ...rest) =>
      view.tenantId === failing && view.dataClassification === "client"
        ? Promise.reject(recordsUnavailable(new Error("away")))
        : inner.apply(view, ...rest),
  };
  await using runtime = await openRuntime({ intents, clock, records });
  const { services, tenantId } = runtime;
  const contracts = [
    [tenantId, "client", await authorized(runtime, tenantId, "client")],
    [GLOBEX, "client", await authorized(runtime, GLOBEX, "client")],
    [tenantId, "platform", await authorized(runtime, tenantId, "platform")],
  ] as const;
  const statuses = () =>
    Promise.all(
      contracts.map(async ([owner, dataClassification, id]) => {
        const view = { tenantId: owner, dataClassification };
        return (await inner.get(view, "data_boundary_contracts", id))?.status;
      }),
    );
  expect(await contractExpiry.run(services)).toEqual({ tenants: 2, expired: 0, failed: 0 });
  nowMs += DAY_MS + 1_000;
  failing = tenantId;
  expect(await contractExpiry.run(services)).toEqual({ tenants: 2, expired: 2, failed: 1 });
  expect(await statuses()).toEqual(["active", "expired", "expired"]);
  failing = undefined;
  expect(await contractExpiry.run(services)).toEqual({ tenants: 2, expired: 1, failed: 0 });
  expect(await statuses()).toEqual(["expired", "expired", "expired"]);
  expect(await contractExpiry.run(services)).toEqual({ tenants: 2, expired: 0, failed: 0 });
  await inner.close();
});
