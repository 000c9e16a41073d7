import * as z from "zod";

import { createClient, shapes } from "../e2e/client.ts";
import type { Known } from "../e2e/operations.ts";
import { readyFile, upload } from "../e2e/sample-files.ts";
import { ECHO, reactor } from "./wasm/wat.ts";

const startedShape = z.object({
  instance: z.object({ instance_id: z.string() }),
  capabilities: z.array(z.object({ capability_id: z.string() })),
});

/** A client of a tenant with a session, a parsed file, and the ids of all that: what a walk over every endpoint needs. */
export async function furnish(url: string, tenantId: string, token: string) {
  const bare = createClient(url, tenantId, token);
  const client = { ...bare, sessionId: await bare.newSession() };
  const file = await readyFile(client, "mine.csv", "a\n1\n");
  const parsed = await client.post("/content/parse_content", {
    session_id: client.sessionId,
    parameters: { file_id: file.file_id },
  });
  const mashed = await client.post("/mash/create", {
    session_id: client.sessionId,
    parameters: { file_id: file.file_id },
  });
  const { output } = mashed.as(shapes.outcome);
  const module_base64 = Buffer.from(await reactor(ECHO)).toString("base64");
  const started = await client.post("/wasm/instances", {
    module_base64,
    capabilities: [{ provider_type: "kv", permissions: ["kv:read"] }],
  });
  const { instance, capabilities } = started.as(startedShape);
  const known: Known = {
    instance_id: instance.instance_id,
    capability_id: capabilities[0]?.capability_id,
    permissions: ["kv:read"],
    "POST /wasm/instances": { module_base64 },
    tenant_id: tenantId,
    session_id: client.sessionId,
    execution_id: parsed.as(shapes.outcome).execution_id,
    artifact_id: file.file_id,
    target_artifact_id: file.file_id,
    artifact_type: "file",
    file_id: file.file_id,
    trace_id: z.looseObject({ trace_id: z.string() }).parse(output).trace_id,
    boundary_contract_id: file.boundary_contract_id,
    contract_id: file.boundary_contract_id,
    data_id: file.file_id,
    id: file.pending_intent_id,
    "POST /intent/submit": { intent_type: "content.ingest_file", parameters: upload("a.csv", "a\n") },
    "POST /content/bulk_ingest_files": { parameters: { files: [upload("a.csv", "a\n")] } },
    // The file of the others must stay as it is.
    "POST /content/archive_file": { parameters: { file_id: "file_none" } },
    "POST /content/restore_file": { parameters: { file_id: "file_none" } },
    "POST /content/delete_file": { parameters: { file_id: "file_none" } },
    "POST /insights/query_data": { parameters: { sql: "SELECT 1" } },
    "POST /content/ingest_file": { parameters: upload("a.csv", "a\n") },
    "POST /steward/request_data_access": {
      parameters: { data_classification: "client", source_external_id: "crm/1" },
    },
    "POST /files/upload-url": { filename: "a.csv", content_type: "text/csv", size_bytes: 2 },
    "POST /intent/pending/create": { intent_type: "content.parse_content" },
  };
  return { client, known };
}
