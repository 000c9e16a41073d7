import type { Role } from "../../shared/roles.ts";
import { createClient, shapes } from "../e2e/client.ts";
import type { Known } from "../e2e/operations.ts";
import type { RuntimeProcess, RuntimeProcesses } from "../e2e/runtime-process.ts";
import { readyFile, upload } from "../e2e/sample-files.ts";
import { AUDIENCE, type Issuer } from "./issuer.ts";

/** A real process in production mode that believes the issuer. */
export function startProduction(runtimes: RuntimeProcesses, issuer: Issuer): Promise<RuntimeProcess> {
  return runtimes.start({
    env: {
      MODE: "production",
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: AUDIENCE,
      OIDC_ALGORITHMS: "ES256",
      TENANT_CLAIM: "app_metadata.tenant_id",
      ROLES_CLAIM: "app_metadata.roles",
      LOG_LEVEL: "debug",
      RATE_INTENTS_PER_CALLER: "off",
      RATE_SESSIONS_PER_CALLER: "off",
    },
  });
}

export const claimsOf = (tenant_id: string, roles: readonly Role[], sub = "ada") => ({
  sub,
  app_metadata: { tenant_id, roles },
});

/** A client of a tenant with a session, a parsed file, and the ids of all that; what a walk over every endpoint needs. */
export async function furnish(url: string, tenantId: string, token: string) {
  const bare = createClient(url, tenantId, token);
  const client = { ...bare, sessionId: await bare.newSession() };
  const file = await readyFile(client, "mine.csv", "a\n1\n");
  const parsed = await client.post("/content/parse_content", {
    session_id: client.sessionId,
    parameters: { file_id: file.file_id },
  });
  const known: Known = {
    tenant_id: tenantId,
    session_id: client.sessionId,
    execution_id: parsed.as(shapes.outcome).execution_id,
    artifact_id: file.file_id,
    target_artifact_id: file.file_id,
    artifact_type: "file",
    file_id: file.file_id,
    boundary_contract_id: file.boundary_contract_id,
    id: file.pending_intent_id,
    "POST /intent/submit": { intent_type: "content.ingest_file", parameters: upload("a.csv", "a\n") },
    "POST /content/ingest_file": { parameters: upload("a.csv", "a\n") },
    "POST /files/upload-url": { filename: "a.csv", content_type: "text/csv", size_bytes: 2 },
    "POST /intent/pending/create": { intent_type: "content.parse_content" },
  };
  return { client, known };
}
