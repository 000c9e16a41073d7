import { type TenantId, trustedTenantId } from "../ids.ts";

/** Under which the records of the plane itself are kept, which are no tenant's. Nothing of the API reads them. */
export const PLATFORM: TenantId = trustedTenantId("~platform");
