import type { TenantId } from "../ids.ts";
import type { Role } from "../roles.ts";

/** Who is calling, as proven by a signed token. */
export interface Principal {
  readonly tenantId: TenantId;
  readonly userId: string | undefined;
  readonly roles: readonly Role[];
}

export interface TokenVerifier {
  /**
   * The principal of a bearer token; undefined when it is missing a claim, expired, or not signed by a trusted key.
   * Throws a retryable `auth.issuer_unavailable` (503) when the keys to tell cannot be had.
   */
  verify(token: string): Promise<Principal | undefined>;
}

/** Knows the tokens that Pub/Sub signs for our own push subscriptions. */
export interface PushVerifier {
  /** Whether the token is one of them; throws as `TokenVerifier` does. */
  verify(token: string): Promise<boolean>;
}

/** Signs tokens for local work. Exists in dev mode only. */
export interface DevTokenIssuer {
  /** A token for the named tenant, with its life in seconds; without roles it has every one but `platform`. */
  issue(claims: DevTokenClaims): Promise<{ readonly token: string; readonly expiresInSeconds: number }>;
}

export interface DevTokenClaims {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly roles?: readonly Role[] | undefined;
}
