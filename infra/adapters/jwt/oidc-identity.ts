import * as z from "zod";

import type { Clock } from "../../../shared/clock.ts";
import { durationMs } from "../../../shared/duration.ts";
import { TENANT_NAME, trustedTenantId } from "../../../shared/ids.ts";
import type { Logger } from "../../../shared/logger.ts";
import type { Principal, PushVerifier, TokenVerifier } from "../../../shared/ports/token-verifier.ts";
import { knownRoles } from "../../../shared/roles.ts";
import { createKeySource, type KeySourceOptions } from "./key-source.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { type Claims, createTokenProof, type ProveToken, type TokenRules } from "./token-proof.ts";
import { createVerifiedTokens } from "./verified-tokens.ts";

/** A token that was good is looked at again after this time, so that a key that its issuer withdraws is soon worth nothing. */
const LONGEST_TRUST_MS = durationMs("5m");
const tenantSchema = z.string().regex(TENANT_NAME);
const rolesSchema = z.union([z.array(z.string()), z.string().transform((text) => text.split(/[ ,]+/))]).catch([]);
const subjectSchema = z.string().min(1).max(256).optional().catch(undefined);

export interface OidcDeps {
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

export interface OidcOptions extends TokenRules, KeySourceOptions {
  /** Where in the claims the tenant is: a claim's name, or a path such as `app_metadata.tenant_id`. */
  readonly tenantClaim: string;
  readonly rolesClaim: string;
}

/** Bearer tokens of an OpenID Connect issuer (Supabase Auth, Identity Platform, any other). */
export function createOidcIdentity(options: OidcOptions, deps: OidcDeps): TokenVerifier {
  const prove = proofFor(options, deps);
  const verified = createVerifiedTokens(() => deps.clock.now());
  return {
    verify: async (token) => {
      const known = verified.get(token);
      if (known !== undefined) return known;
      const claims = await prove(token);
      const principal = claims === undefined ? undefined : principalOf(claims, options);
      if (claims === undefined || principal === undefined) return undefined;
      verified.put(token, principal, Math.min(claims.exp * 1_000, deps.clock.now() + LONGEST_TRUST_MS));
      return principal;
    },
  };
}

export interface PushOptions extends Omit<TokenRules, "algorithms">, KeySourceOptions {
  /** The e-mail of the service account that the subscriptions push as. */
  readonly serviceAccount: string;
}

/** The tokens that Google signs for pushes. Source: https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions */
export function createPushIdentity({ serviceAccount, ...options }: PushOptions, deps: OidcDeps): PushVerifier {
  return createServiceIdentity({ ...options, serviceAccounts: [serviceAccount] }, deps);
}

export interface ServiceOptions extends Omit<TokenRules, "algorithms">, KeySourceOptions {
  /** The e-mails of the service accounts whose tokens are good. */
  readonly serviceAccounts: readonly string[];
}

/** The tokens that Google signs for service accounts. Source: https://cloud.google.com/docs/authentication/get-id-token */
export function createServiceIdentity(options: ServiceOptions, deps: OidcDeps): PushVerifier {
  const prove = proofFor({ ...options, algorithms: ["RS256"] }, deps);
  return {
    verify: async (token) => {
      const claims = await prove(token);
      return options.serviceAccounts.some((each) => each === claims?.["email"]) && claims?.["email_verified"] === true;
    },
  };
}

function proofFor(options: TokenRules & KeySourceOptions, deps: OidcDeps): ProveToken {
  return createTokenProof(options, { ...deps, keys: createSigningKeys({ ...deps, source: createKeySource(options) }) });
}

function principalOf(claims: Claims, { tenantClaim, rolesClaim }: OidcOptions): Principal | undefined {
  const tenant = tenantSchema.safeParse(claimAt(claims, tenantClaim));
  if (!tenant.success) return undefined;
  return {
    tenantId: trustedTenantId(tenant.data),
    userId: subjectSchema.parse(claims["sub"]),
    roles: knownRoles(rolesSchema.parse(claimAt(claims, rolesClaim))),
  };
}

/** A claim by its whole name, which may have dots itself (`https://example.com/tenant`), else by its path. */
function claimAt(claims: Claims, place: string): unknown {
  return Object.hasOwn(claims, place) ? claims[place] : place.split(".").reduce<unknown>(memberOf, claims);
}

function memberOf(object: unknown, name: string): unknown {
  const members = z.record(z.string(), z.unknown()).safeParse(object);
  return members.success && Object.hasOwn(members.data, name) ? members.data[name] : undefined;
}
