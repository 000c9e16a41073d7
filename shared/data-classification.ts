import type { TenantId } from "./ids.ts";

export const DATA_CLASSIFICATIONS = ["client", "platform"] as const;
/**
 * Whose data something is: a tenant's own (`client`), or the installation's, which every tenant may read (`platform`; the tenant is
 * then attribution only). How sensitive it is, is another question and another field.
 */
export type DataClassification = (typeof DATA_CLASSIFICATIONS)[number];

/** Who stores a thing: for `platform` the tenant only says where it came from. */
export interface DataOwner {
  readonly dataClassification: DataClassification;
  readonly tenantId: TenantId;
}

/** What a reader asks for: a client's data of one tenant, or the platform's. There is no query without one. */
export type DataScope =
  | { readonly dataClassification: "client"; readonly tenantId: TenantId }
  | { readonly dataClassification: "platform" };

/** The scope in which an owner's data is found. */
export function scopeOf({ dataClassification, tenantId }: DataOwner): DataScope {
  return dataClassification === "client" ? { dataClassification, tenantId } : { dataClassification };
}
