import { notFound, RuntimeError } from "../errors.ts";
import { TENANT_NAME, trustedTenantId } from "../ids.ts";
import type { Principal, PushVerifier } from "../ports/token-verifier.ts";
import type { Adapters } from "../services.ts";
import { bearerToken } from "./principal.ts";

type PushProofDeps = Pick<Adapters, "tokens" | "devTokens" | "pushTokens">;

/** Tells whose a push is, and for whom it may speak: the one place where an event's tenant is proven. */
export interface PushProof {
  /**
   * Asked before anything of a push is read, or even buried, so that strangers get nothing done here. `authorization` carries
   * the token that Pub/Sub signs for the subscription's service account (OIDC).
   * Throws `auth.*` (401) when the push is not from our Pub/Sub, and a retryable `auth.issuer_unavailable` (503) when nobody can tell.
   */
  fromOurs(authorization: string | undefined): Promise<void>;
  /** Throws `tenant.not_found` (404) when no producer can speak for the tenant. */
  speaksFor(claimedTenantId: string): Promise<Principal>;
}

/**
 * Pub/Sub proves that the push is one of our subscription; who may publish to its topic, for whichever tenant, is the topic's IAM.
 * In dev mode, which listens on loopback only, whoever may have a token for any tenant may publish for any tenant.
 */
export function createPushProof({ tokens, devTokens, pushTokens }: PushProofDeps): PushProof {
  return {
    fromOurs: async (authorization) => {
      if (devTokens === undefined) await provePush(authorization, pushTokens);
    },
    speaksFor: async (tenantId) => {
      if (!TENANT_NAME.test(tenantId)) throw notFound("tenant", tenantId);
      if (devTokens === undefined)
        return { tenantId: trustedTenantId(tenantId), userId: undefined, roles: ["submitter"] };
      const { token } = await devTokens.issue({ tenantId });
      const principal = await tokens.verify(token);
      if (principal === undefined) throw notFound("tenant", tenantId);
      return principal;
    },
  };
}

async function provePush(authorization: string | undefined, pushTokens: PushVerifier | undefined): Promise<void> {
  if (pushTokens === undefined) {
    throw new RuntimeError(
      "auth.no_push_identity",
      "This runtime takes no pushes: PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT are not set.",
      { status: 401 },
    );
  }
  if (!(await pushTokens.verify(bearerToken(authorization)))) {
    throw new RuntimeError("auth.bad_push", "The push is not from a subscription of this runtime.", { status: 401 });
  }
}
