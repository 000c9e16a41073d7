import { archiveFile } from "../../functions/content/archive-file.ts";
import { bulkIngestFiles } from "../../functions/content/bulk-ingest-files.ts";
import { createDeterministicEmbeddings } from "../../functions/content/create-deterministic-embeddings.ts";
import { deleteFile } from "../../functions/content/delete-file.ts";
import { getOperationStatus } from "../../functions/content/get-operation-status.ts";
import { ingestFile } from "../../functions/content/ingest-file.ts";
import { parseContent } from "../../functions/content/parse-content.ts";
import { restoreFile } from "../../functions/content/restore-file.ts";
import { saveMaterialization } from "../../functions/content/save-materialization.ts";
import { queryData } from "../../functions/insights/query-data.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { chaos, type ChaosReport, type Preparation } from "../kit/chaos.ts";

type Case = readonly [what: string, run: () => Promise<ChaosReport>, status: string];

const FLOW = [ingestFile, saveMaterialization, parseContent, archiveFile, deleteFile, bulkIngestFiles];
const file = (name: string, text: string): JsonObject => ({
  ui_name: name,
  ingestion_type: "upload",
  content_base64: Buffer.from(text).toString("base64"),
});
const FILES = {
  files: [file("a.csv", "a\n1\n"), file("b.csv", ""), file("c.csv", "c\n3\n")],
  batch_size: 2,
  max_parallel: 1,
};

async function ready({ run }: Preparation): Promise<JsonObject> {
  const { file_id, boundary_contract_id } = (await run(ingestFile, file("a.csv", "id,name\n1,ann\n2,bob\n")))
    .output as JsonObject;
  await run(saveMaterialization, { file_id, boundary_contract_id });
  return { file_id };
}

async function parsed(preparation: Preparation): Promise<JsonObject> {
  const { output } = await preparation.run(parseContent, await ready(preparation));
  return { parsed_file_id: (output as JsonObject)["parsed_file_id"] };
}

const after =
  (...intents: readonly (readonly [IntentDefinition, JsonObject])[]) =>
  async (preparation: Preparation): Promise<JsonObject> => {
    const found = await ready(preparation);
    for (const [intent, more] of intents) await preparation.run(intent, { ...found, ...more });
    return found;
  };

const of = (intent: IntentDefinition, input: JsonObject, prepare?: (stage: Preparation) => Promise<JsonObject>) =>
  chaos(intent, input, {
    children: FLOW.filter((each) => each !== intent),
    ...(prepare === undefined ? {} : { prepare }),
  });

/** The intents of the content realm beyond the first three, and SQL over what they make. */
export const contentCases: Readonly<Record<string, readonly Case[]>> = {
  [createDeterministicEmbeddings.type]: [
    ["parsed data", () => of(createDeterministicEmbeddings, {}, parsed), "completed"],
    ["nothing", () => of(createDeterministicEmbeddings, { parsed_file_id: "parsed_1" }), "failed"],
  ],
  [queryData.type]: [
    [
      "parsed data",
      () =>
        of(queryData, {}, async (stage) => {
          const { parsed_file_id } = await parsed(stage);
          return { sql: "SELECT sum(id) FROM t", tables: { t: parsed_file_id } };
        }),
      "completed",
    ],
    ["SQL that is none", () => of(queryData, { sql: "DROP TABLE t" }), "failed"],
  ],
  [archiveFile.type]: [
    ["a ready file", () => of(archiveFile, {}, ready), "completed"],
    ["an archived file", () => of(archiveFile, {}, after([archiveFile, {}])), "failed"],
  ],
  [restoreFile.type]: [
    ["an archived file", () => of(restoreFile, {}, after([archiveFile, {}])), "completed"],
    ["a ready file", () => of(restoreFile, {}, ready), "failed"],
  ],
  [deleteFile.type]: [
    ["a ready file, with its bytes", () => of(deleteFile, { purge: true, confirm: true }, ready), "completed"],
    [
      "a parsed file, with all that was made of it",
      () => of(deleteFile, { purge: true, confirm: true }, after([parseContent, {}])),
      "completed",
    ],
    [
      "a deleted file's bytes",
      () => of(deleteFile, { purge: true, confirm: true }, after([deleteFile, {}])),
      "completed",
    ],
    ["a deleted file", () => of(deleteFile, {}, after([deleteFile, {}])), "failed"],
  ],
  [bulkIngestFiles.type]: [
    ["files, one of them empty", () => of(bulkIngestFiles, FILES), "completed"],
    [
      "files that were taken in before",
      () =>
        of(bulkIngestFiles, FILES, async ({ run }) => {
          await run(bulkIngestFiles, FILES);
          return {};
        }),
      "completed",
    ],
  ],
  [getOperationStatus.type]: [
    [
      "an operation",
      () =>
        of(getOperationStatus, {}, async ({ run }) => {
          const { output } = await run(bulkIngestFiles, FILES);
          return { operation_id: (output as JsonObject)["operation_id"] };
        }),
      "completed",
    ],
    ["none", () => of(getOperationStatus, { operation_id: "operation_1" }), "failed"],
  ],
};
