import type { Clock } from "../clock.ts";
import type { DataClassification } from "../data-classification.ts";
import type { Ids, TenantId } from "../ids.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { RecordStore } from "../ports/record-store.ts";
import { Contracts } from "./contracts.ts";
import { RecordScope } from "./record-scope.ts";

export interface ContractExpiryDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/**
 * Marks all contracts as expired whose time is over: of each tenant, and the platform's. They count as over before that too; this keeps
 * the books. What fails for one does not hold up the others, and the next run tries it again.
 */
export async function expireAllContracts(
  { records, clock, ids, logger }: ContractExpiryDeps,
  tenants: readonly TenantId[],
): Promise<{ readonly expired: number; readonly failed: number }> {
  const expire = async (kind: DataClassification, tenantId: TenantId): Promise<number> => {
    let expired = 0;
    for (;;) {
      // A key of its own for each batch: under one key a part is applied once.
      const key = `contract_expiry/${ids.event()}`;
      const scope = new RecordScope({ records, tenantId, key, isPlatform: true, nowMs: () => clock.now() });
      const batch = await new Contracts(scope).expire(kind);
      expired += batch.expired;
      if (!batch.more) return expired;
    }
  };
  // The platform's rows are found by whoever asks; a tenant only says who asked.
  const [first] = tenants;
  const owners = [
    ...tenants.map((tenantId) => ["client", tenantId] as const),
    ...(first === undefined ? [] : [["platform", first] as const]),
  ];
  let [expired, failed] = [0, 0];
  for (const [kind, tenantId] of owners) {
    try {
      expired += await expire(kind, tenantId);
    } catch (error) {
      failed += 1;
      logger.error("contracts whose time is over could not be marked", {
        tenant_id: tenantId,
        data_classification: kind,
        ...errorFields(error),
      });
    }
  }
  return { expired, failed };
}
