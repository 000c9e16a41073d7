import { notFound, RuntimeError } from "../errors.ts";
import type { DevTokenIssuer, Principal, TokenVerifier } from "../ports/token-verifier.ts";

const TENANT_NAME = /^[\w.-]{1,128}$/;

/** What a push brings to prove who it is from. */
export interface Push {
  /** The token that Pub/Sub signs for the subscription's service account (OIDC). */
  readonly authorization: string | undefined;
  readonly subscription: string;
}

/**
 * For whom the producer behind a push may act: the one place where an event's tenant is proven.
 * Throws `auth.*` (401) when the push is not from our Pub/Sub, `tenant.not_found` (404) when its producer may not speak for the tenant.
 */
export type ProvePush = (push: Push, claimedTenantId: string) => Promise<Principal>;

/** In dev mode, which listens on loopback only, whoever may have a token for any tenant may publish for any tenant. */
export function createPushProof(tokens: TokenVerifier, devTokens: DevTokenIssuer | undefined): ProvePush {
  return async (_push, tenantId) => {
    if (devTokens === undefined) {
      throw new RuntimeError("auth.no_push_identity", "This runtime cannot tell yet whose pushes to trust.", {
        status: 401,
      });
    }
    if (!TENANT_NAME.test(tenantId)) throw notFound("tenant", tenantId);
    const { token } = await devTokens.issue({ tenantId });
    const principal = await tokens.verify(token);
    if (principal === undefined) throw notFound("tenant", tenantId);
    return principal;
  };
}
