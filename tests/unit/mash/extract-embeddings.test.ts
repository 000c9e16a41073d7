import { describe, expect, it } from "vitest";

import { createDeterministicEmbeddings } from "../../../functions/content/create-deterministic-embeddings.ts";
import { extractEmbeddings } from "../../../functions/content/extract-embeddings.ts";
import { ingestFile } from "../../../functions/content/ingest-file.ts";
import { parseContent } from "../../../functions/content/parse-content.ts";
import { saveMaterialization } from "../../../functions/content/save-materialization.ts";
import { search } from "../../../functions/content/search.ts";
import type { JsonObject } from "../../../shared/json.ts";
import { openRuntime } from "../../kit/runtime.ts";
import { CSV, readyFile } from "./ready-file.ts";

const intents = [
  ingestFile,
  saveMaterialization,
  parseContent,
  extractEmbeddings,
  search,
  createDeterministicEmbeddings,
];

describe("content.extract_embeddings", () => {
  it("stores what parsed data means, beside its deterministic embeddings, and forgets it with its file", async () => {
    await using on = await openRuntime({ intents });
    const fileId = await readyFile(on, "orders.csv", CSV);
    const parsed = (await on.run(parseContent.type, { file_id: fileId })).output as JsonObject;
    const made = (await on.run(createDeterministicEmbeddings.type, { parsed_file_id: parsed["parsed_file_id"] }))
      .output as JsonObject;
    const parameters = {
      parsed_file_id: parsed["parsed_file_id"],
      deterministic_embedding_id: made["deterministic_embedding_id"],
    };
    const extracted = await on.run(extractEmbeddings.type, parameters);
    expect(extracted.output).toMatchObject({ lifecycle_state: "READY", documents: 9, summary: { embeddings: 9 } });
    const scope = { dataClassification: "client", tenantId: on.tenantId } as const;
    expect(await on.graph.forgetFile(scope, fileId)).toBe(9);
    expect((await on.run(search.type, { query: "price" })).output).toMatchObject({ compared: 0, matches: [] });
  });

  it("refuses deterministic embeddings of other data", async () => {
    await using on = await openRuntime({ intents });
    const parsed = async (name: string) =>
      ((await on.run(parseContent.type, { file_id: await readyFile(on, name, CSV) })).output as JsonObject)[
        "parsed_file_id"
      ];
    const [one, other] = [await parsed("a.csv"), await parsed("b.csv")];
    const made = (await on.run(createDeterministicEmbeddings.type, { parsed_file_id: other })).output as JsonObject;
    const parameters = { parsed_file_id: one, deterministic_embedding_id: made["deterministic_embedding_id"] };
    const refused = await on.run(extractEmbeddings.type, parameters);
    expect(refused).toMatchObject({ status: "failed", error: { code: "embeddings.other_source", status: 422 } });
  });
});
