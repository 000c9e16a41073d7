import { expect } from "vitest";

import { ingestFile } from "../../../functions/content/ingest-file.ts";
import { saveMaterialization } from "../../../functions/content/save-materialization.ts";
import type { JsonObject } from "../../../shared/json.ts";
import type { TestRuntime } from "../../kit/runtime.ts";

export const CSV =
  "customer_email,order_date,unit_price\nann@example.org,2024-05-01,9.50\nbob@example.org,2024-05-02,3.25\n";

/** A file that was ingested and saved, by its id. */
export async function readyFile(on: TestRuntime, name: string, text: string): Promise<string> {
  const content_base64 = Buffer.from(text).toString("base64");
  const { output } = await on.run(ingestFile.type, { ui_name: name, ingestion_type: "upload", content_base64 });
  const { file_id, boundary_contract_id } = output as JsonObject;
  const saved = await on.run(saveMaterialization.type, { file_id, boundary_contract_id });
  expect(saved.status).toBe("completed");
  return String(file_id);
}
