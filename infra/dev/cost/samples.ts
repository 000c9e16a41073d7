import type { JsonObject } from "../../../shared/json.ts";

/** Parameters for one run of an intent, from the outputs of the samples before it, by their types. */
export interface Sample {
  readonly intentType: string;
  readonly parameters: (outputs: ReadonlyMap<string, JsonObject>) => JsonObject;
}

const CSV = "name,age\nAda,36\nAlan,41\n";

/** In an order in which each finds what it needs. An intent without one is priced by its plan. */
export const samples: readonly Sample[] = [
  ...["cost.three_steps", "cost.three_steps_ends", "cost.three_steps_fast"].map((intentType) => ({
    intentType,
    parameters: () => ({}),
  })),
  {
    intentType: "content.ingest_file",
    parameters: () => ({ ui_name: "people.csv", content_base64: Buffer.from(CSV).toString("base64") }),
  },
  {
    intentType: "content.save_materialization",
    parameters: (outputs) => {
      const { file_id = null, boundary_contract_id = null } = outputs.get("content.ingest_file") ?? {};
      return { file_id, boundary_contract_id };
    },
  },
  {
    intentType: "content.parse_content",
    parameters: (outputs) => ({ file_id: outputs.get("content.ingest_file")?.["file_id"] ?? null }),
  },
];
