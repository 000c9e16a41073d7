import * as z from "zod";

import type { Environment, Reading } from "./config-choices.ts";
import { isLoopback } from "./loopback.ts";

/** Whose bearer tokens are believed. */
export type IdentityChoice =
  | { readonly kind: "dev" }
  | {
      readonly kind: "oidc";
      readonly issuer: string;
      readonly audience: string;
      /** Absent: where the issuer's discovery document says. */
      readonly jwksUrl: string | undefined;
      readonly algorithms: readonly string[];
      readonly tenantClaim: string;
      readonly rolesClaim: string;
    };

/** Which pushes of Pub/Sub are believed. */
export interface PushesChoice {
  readonly audience: string;
  readonly serviceAccount: string;
}

/** Those of RFC 7518 and RFC 8037 that have a public key: with a shared secret whoever checks a token could make one. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;

const needed = z.string({ error: "is needed with MODE=production" }).min(1, "is needed with MODE=production");
/** Over plain http the keys could be anybody's. */
const isTrustworthyUrl = (text: string): boolean => {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname)));
};
const HTTPS = "must be a URL such as https://host/path";

const algorithms = z
  .string()
  .default("RS256,ES256")
  .transform((text) => text.split(",").map((name) => name.trim()))
  .pipe(
    z.array(z.enum(ALGORITHMS, { error: `must be some of ${ALGORITHMS.join(", ")}, with commas between them` })).min(1),
  );

const oidcSchema = z
  .object({
    OIDC_ISSUER: needed.refine(isTrustworthyUrl, { message: HTTPS, when: ({ value }) => value !== undefined }),
    OIDC_AUDIENCE: needed,
    OIDC_JWKS_URL: z.string().refine(isTrustworthyUrl, HTTPS).optional(),
    OIDC_ALGORITHMS: algorithms,
    TENANT_CLAIM: z.string().min(1).default("tenant_id"),
    ROLES_CLAIM: z.string().min(1).default("roles"),
  })
  .transform((env): IdentityChoice => ({
    kind: "oidc",
    issuer: env.OIDC_ISSUER,
    audience: env.OIDC_AUDIENCE,
    jwksUrl: env.OIDC_JWKS_URL,
    algorithms: env.OIDC_ALGORITHMS,
    tenantClaim: env.TENANT_CLAIM,
    rolesClaim: env.ROLES_CLAIM,
  }));

const both = "PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT are needed together";
const pushesSchema = z
  .object({
    PUSH_AUDIENCE: z.string({ error: both }).min(1),
    PUSH_SERVICE_ACCOUNT: z.email({
      error: (issue) => (issue.input === undefined ? both : "must be an e-mail address"),
    }),
  })
  .transform((env): PushesChoice => ({ audience: env.PUSH_AUDIENCE, serviceAccount: env.PUSH_SERVICE_ACCOUNT }));

/** Dev mode signs its own tokens and reads nothing here, so that no half of it can be left over in production. */
export function readIdentity(env: Environment): Reading<IdentityChoice> {
  return env["MODE"] === "production" ? oidcSchema.safeParse(env) : { success: true, data: { kind: "dev" } };
}

/** Undefined when pushes are not to be believed: then each of them is refused, but for dev mode. */
export function readPushes(env: Environment): Reading<PushesChoice | undefined> {
  const named = env["PUSH_AUDIENCE"] !== undefined || env["PUSH_SERVICE_ACCOUNT"] !== undefined;
  return named ? pushesSchema.safeParse(env) : { success: true, data: undefined };
}
