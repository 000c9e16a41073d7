import { errors, jwtVerify, SignJWT } from "jose";
import * as z from "zod";

import { trustedTenantId } from "../../../shared/ids.ts";
import type { DevTokenIssuer, TokenVerifier } from "../../../shared/ports/token-verifier.ts";
import { knownRoles, type Role } from "../../../shared/roles.ts";
import { createVerifiedTokens } from "./verified-tokens.ts";

const ISSUER = "symphainy-dev";
/** What the first minute needs; `platform` must be asked for. */
const USUAL_ROLES: readonly Role[] = ["viewer", "submitter", "operator"];
const LIFETIME_SECONDS = 12 * 60 * 60;

const claimsSchema = z.object({
  tenant_id: z.string().min(1),
  sub: z.string().min(1).optional(),
  exp: z.number(),
  roles: z.array(z.string()).default([]).transform(knownRoles),
});

/** Tokens for local work, signed with a key that outlasts a restart. */
export function createDevIdentity(key: Uint8Array, now: () => number): TokenVerifier & DevTokenIssuer {
  const verified = createVerifiedTokens(now);
  return {
    issue: async ({ tenantId, userId, roles = USUAL_ROLES }) => {
      const issuedAt = Math.floor(now() / 1_000);
      const jwt = new SignJWT({ tenant_id: tenantId, roles: [...roles] })
        .setProtectedHeader({ alg: "HS256" })
        .setIssuer(ISSUER)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + LIFETIME_SECONDS);
      if (userId !== undefined) jwt.setSubject(userId);
      return { token: await jwt.sign(key), expiresInSeconds: LIFETIME_SECONDS };
    },
    verify: async (token) => {
      const known = verified.get(token);
      if (known !== undefined) return known;
      try {
        const { payload } = await jwtVerify(token, key, {
          issuer: ISSUER,
          algorithms: ["HS256"],
          currentDate: new Date(now()),
        });
        const claims = claimsSchema.safeParse(payload);
        if (!claims.success) return undefined;
        const { tenant_id, sub, roles, exp } = claims.data;
        const principal = { tenantId: trustedTenantId(tenant_id), userId: sub, roles };
        verified.put(token, principal, exp * 1_000);
        return principal;
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
