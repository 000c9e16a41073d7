import { randomUUID } from "node:crypto";

import { type DataOwner, scopeOf } from "../../shared/data-classification.ts";
import { type TenantId, trustedTenantId } from "../../shared/ids.ts";
import type { GraphDocument } from "../../shared/ports/graph-store.ts";

export const PAGE = { limit: 100 };

export const keys = (documents: readonly GraphDocument[]): string[] => documents.map(({ key }) => key);

/** A tenant of its own keeps a test to itself. */
export function client() {
  const tenantId: TenantId = trustedTenantId(`tenant ${randomUUID()}`);
  const owner: DataOwner = { dataClassification: "client", tenantId };
  return { tenantId, owner, scope: scopeOf(owner), effect: { key: `execution_${randomUUID()}/step`, part: "all" } };
}
