import { notFound, RuntimeError } from "../errors.ts";
import { trustedTenantId } from "../ids.ts";
import type { Principal, PushVerifier } from "../ports/token-verifier.ts";
import type { Adapters } from "../services.ts";
import { bearerToken } from "./principal.ts";

const TENANT_NAME = /^(?!\.+$)[\w.-]{1,128}$/;

type PushProofDeps = Pick<Adapters, "tokens" | "devTokens" | "pushTokens">;

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

/**
 * Pub/Sub proves that the push is one of our subscription; who may publish to its topic, for whichever tenant, is the topic's IAM.
 * In dev mode, which listens on loopback only, whoever may have a token for any tenant may publish for any tenant.
 */
export function createPushProof({ tokens, devTokens, pushTokens }: PushProofDeps): ProvePush {
  return async ({ authorization }, tenantId) => {
    if (devTokens === undefined) await provePush(authorization, pushTokens);
    if (!TENANT_NAME.test(tenantId)) throw notFound("tenant", tenantId);
    if (devTokens === undefined)
      return { tenantId: trustedTenantId(tenantId), userId: undefined, roles: ["submitter"] };
    const { token } = await devTokens.issue({ tenantId });
    const principal = await tokens.verify(token);
    if (principal === undefined) throw notFound("tenant", tenantId);
    return principal;
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
