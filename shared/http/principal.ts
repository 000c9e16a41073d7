import { notFound, RuntimeError } from "../errors.ts";
import type { TenantId } from "../ids.ts";
import type { Principal, TokenVerifier } from "../ports/token-verifier.ts";

/** The caller, proven by the bearer token of the request. Throws `auth.no_token` or `auth.bad_token` (401). */
export async function authenticate(authorization: string | undefined, tokens: TokenVerifier): Promise<Principal> {
  const principal = await tokens.verify(bearerToken(authorization));
  if (principal === undefined) {
    throw new RuntimeError("auth.bad_token", "The bearer token is not valid, or no longer.", { status: 401 });
  }
  return principal;
}

/** The token of an `Authorization` header. Throws `auth.no_token` (401). */
export function bearerToken(authorization: string | undefined): string {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) {
    throw new RuntimeError("auth.no_token", "Send a bearer token: `Authorization: Bearer <token>`.", { status: 401 });
  }
  return token;
}

/**
 * The tenant of a request, proven: what the caller names must be what its token says.
 * Throws `tenant.not_found` (404): for this caller no other tenant exists.
 */
export function provenTenant(principal: Principal, claimed: string): TenantId {
  if (principal.tenantId !== claimed) throw notFound("tenant", claimed);
  return principal.tenantId;
}
