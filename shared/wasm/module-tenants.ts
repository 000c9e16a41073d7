import * as z from "zod";

import { type TenantId, trustedTenantId } from "../ids.ts";
import { type ExecutionStore, NO_CHANGE } from "../ports/execution-store.ts";
import { everyPage } from "../ports/paging.ts";
import { ALL, type RecordKind } from "../state/record-kind.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { PLATFORM } from "./plane-records.ts";

const PAGE = 500;

const moduleTenantSchema = z.object({ tenant_id: z.string() });
const moduleTenantKind: RecordKind<z.infer<typeof moduleTenantSchema>> = {
  name: "wasm_tenant",
  schema: moduleTenantSchema,
  facets: () => [],
};

export interface ModuleTenantsDeps {
  readonly store: Pick<ExecutionStore, "write">;
  readonly surface: StateSurface;
}

/** Remembers that a tenant has modules, for the daily job: written before its first one. */
export async function rememberTenant({ store, surface }: ModuleTenantsDeps, tenantId: TenantId): Promise<void> {
  const unit = new UnitOfWork(surface, PLATFORM, 0);
  if ((await unit.get(moduleTenantKind, tenantId)) !== undefined) return;
  unit.put(moduleTenantKind, tenantId, { tenant_id: tenantId });
  // A conflict: somebody else remembers it.
  await store.write(PLATFORM, { ...NO_CHANGE, records: unit.records });
}

/** Every tenant that ever had a module. */
export async function listModuleTenants(surface: StateSurface): Promise<readonly TenantId[]> {
  const tenants: TenantId[] = [];
  for await (const items of everyPage((cursor) =>
    surface.list(PLATFORM, moduleTenantKind, ALL, { limit: PAGE, cursor }),
  )) {
    tenants.push(...items.map(({ value }) => trustedTenantId(value.tenant_id)));
  }
  return tenants;
}
