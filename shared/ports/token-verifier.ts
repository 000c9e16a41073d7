import type { TenantId } from "../ids.ts";

/** Who is calling, as proven by a signed token. */
export interface Principal {
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly roles: readonly string[];
}

export interface TokenVerifier {
  /** The principal of a bearer token; undefined when it is missing a claim, expired, or not signed by a trusted key. */
  verify(token: string): Promise<Principal | undefined>;
}

/** Signs tokens for local work. Exists in dev mode only. */
export interface DevTokenIssuer {
  /** A token for the named tenant, with its life in seconds. */
  issue(claims: DevTokenClaims): Promise<{ readonly token: string; readonly expiresInSeconds: number }>;
}

export interface DevTokenClaims {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly roles?: readonly string[] | undefined;
}
