import type { Role } from "../../shared/roles.ts";
import type { RuntimeProcess, RuntimeProcesses } from "../e2e/runtime-process.ts";
import { AUDIENCE, type Issuer } from "../security/issuer.ts";

/** A real process in production mode that believes the issuer. */
export function startProduction(
  runtimes: RuntimeProcesses,
  issuer: Issuer,
  env: Readonly<Record<string, string>> = {},
): Promise<RuntimeProcess> {
  return runtimes.start({
    env: {
      MODE: "production",
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: AUDIENCE,
      OIDC_ALGORITHMS: "ES256",
      TENANT_CLAIM: "app_metadata.tenant_id",
      ROLES_CLAIM: "app_metadata.roles",
      LOG_LEVEL: "debug",
      WASM: "in-process",
      RATE_INTENTS_PER_CALLER: "off",
      RATE_SESSIONS_PER_CALLER: "off",
      ...env,
    },
  });
}

export const claimsOf = (tenant_id: string, roles: readonly Role[], sub = "ada") => ({
  sub,
  app_metadata: { tenant_id, roles },
});
