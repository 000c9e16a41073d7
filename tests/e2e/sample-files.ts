import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Client } from "./client.ts";
import { shapes } from "./client.ts";

const data = fileURLToPath(new URL("../data/", import.meta.resolve("vega-datasets")));

/** A real file of vega-datasets. */
export function vega(name: string): Buffer {
  return readFileSync(join(data, name));
}

/** The parameters that ingest these bytes. */
export function upload(name: string, bytes: string | Uint8Array) {
  return { ui_name: name, content_base64: Buffer.from(bytes).toString("base64") };
}

/** Brings a file in and makes it READY, through the intents' own routes. */
export async function readyFile(client: Client, name: string, bytes: string | Uint8Array) {
  const session_id = client.sessionId;
  const ingested = await client.post("/content/ingest_file", { session_id, parameters: upload(name, bytes) });
  const { file_id, boundary_contract_id } = ingested.as(shapes.outcome).output as Record<string, string>;
  const saved = await client.post("/content/save_materialization", {
    session_id,
    parameters: { file_id, boundary_contract_id },
  });
  const { pending_intent_id } = saved.as(shapes.outcome).output as Record<string, string>;
  return {
    file_id: String(file_id),
    boundary_contract_id: String(boundary_contract_id),
    pending_intent_id: String(pending_intent_id),
  };
}
