import { describe, expect, it } from "vitest";

import { createDeterministicEmbeddings } from "../../functions/content/create-deterministic-embeddings.ts";
import { extractEmbeddings } from "../../functions/content/extract-embeddings.ts";
import { ingestFile } from "../../functions/content/ingest-file.ts";
import { parseContent } from "../../functions/content/parse-content.ts";
import { saveMaterialization } from "../../functions/content/save-materialization.ts";
import { search } from "../../functions/content/search.ts";
import { create as createMash } from "../../functions/mash/create.ts";
import { intents } from "../../functions/catalog.ts";
import { uploadPath } from "../../shared/artifacts/upload.ts";
import type { JsonObject } from "../../shared/json.ts";
import type { IntentDefinition } from "../../shared/sagas/intent-definition.ts";
import { TerminalError } from "../../shared/sagas/retry-policy.ts";
import { chaos, type Preparation } from "../kit/chaos.ts";
import { type RealmCases, stewardCases } from "./steward-cases.ts";
import { contentCases } from "./content-cases.ts";

const CSV = `id,name,born\n${Array.from({ length: 40 }, (_, row) => `${row},name ${row},1990-01-${10 + (row % 20)}`).join("\n")}\n`;
/** Small, for the plays that are many and long. */
const PAIR = "id,name\n1,Ann\n";
const MASHED = [ingestFile, saveMaterialization, parseContent, createDeterministicEmbeddings];

const upload = (name: string, text: string): JsonObject => ({
  ui_name: name,
  ingestion_type: "upload",
  content_base64: Buffer.from(text).toString("base64"),
});

/** A file that was sent to a signed URL, as `upload_id`. */
async function sent({ services, tenantId }: Preparation, text: string, announced = text.length): Promise<JsonObject> {
  const { uploads, adapters } = services;
  const draft = { tenantId, userId: undefined, filename: "people.csv", contentType: "text/csv", sizeBytes: announced };
  const { upload: opened } = await uploads.open(draft);
  const { objects } = adapters;
  // Signed by the machine's clock, which the store goes by, and not by the play's.
  const leave = { path: uploadPath(opened), contentType: "text/csv", expiresMs: Date.now() + 3_600_000 };
  const { url } = await objects.signUpload({ ...leave, sizeBytes: text.length });
  const source = ReadableStream.from([Buffer.from(text)]);
  const body = { contentType: "text/csv", sizeBytes: text.length, source };
  if (text !== "") await objects.served?.put(new URL(url, "http://127.0.0.1"), body);
  return { upload_id: opened.upload_id };
}

async function ingested({ run }: Preparation, name: string, text: string): Promise<JsonObject> {
  const { output } = await run(ingestFile, upload(name, text));
  const { file_id, boundary_contract_id } = output as {
    readonly file_id: string;
    readonly boundary_contract_id: string;
  };
  return { file_id, boundary_contract_id };
}

async function ready(preparation: Preparation, name: string, text: string): Promise<JsonObject> {
  const file = await ingested(preparation, name, text);
  await preparation.run(saveMaterialization, file);
  return { file_id: file["file_id"] };
}

/** Parsed data with what could be computed of it alone. */
async function described(preparation: Preparation): Promise<JsonObject> {
  const { output } = await preparation.run(parseContent, await ready(preparation, "people.csv", PAIR));
  const { parsed_file_id } = output as { readonly parsed_file_id: string };
  const made = await preparation.run(createDeterministicEmbeddings, { parsed_file_id });
  const { deterministic_embedding_id } = made.output as { readonly deterministic_embedding_id: string };
  return { parsed_file_id, deterministic_embedding_id };
}

/** Each realm intent, in a case that it completes and in one that it refuses. */
const cases: RealmCases = {
  ...stewardCases((stage) => ingested(stage, "people.csv", CSV)),
  ...contentCases,
  [ingestFile.type]: [
    ["a file", () => chaos(ingestFile, upload("people.csv", CSV)), "completed"],
    [
      "an upload",
      () => chaos(ingestFile, { ui_name: "people.csv" }, { prepare: (stage) => sent(stage, CSV) }),
      "completed",
    ],
    [
      "an upload that has not arrived",
      () => chaos(ingestFile, { ui_name: "people.csv" }, { prepare: (stage) => sent(stage, "", 10) }),
      "failed",
    ],
    [
      "an upload of another size than announced",
      () => chaos(ingestFile, { ui_name: "people.csv" }, { prepare: (stage) => sent(stage, CSV, CSV.length + 1) }),
      "failed",
    ],
    ["an empty file", () => chaos(ingestFile, upload("empty.csv", "")), "failed"],
  ],
  [saveMaterialization.type]: [
    [
      "an ingested file",
      () =>
        chaos(
          saveMaterialization,
          {},
          { children: [ingestFile], prepare: (stage) => ingested(stage, "people.csv", CSV) },
        ),
      "completed",
    ],
    ["no file", () => chaos(saveMaterialization, { file_id: "file_1", boundary_contract_id: "contract_1" }), "failed"],
  ],
  [parseContent.type]: [
    [
      "a ready file",
      () =>
        chaos(
          parseContent,
          {},
          { children: [ingestFile, saveMaterialization], prepare: (stage) => ready(stage, "people.csv", CSV) },
        ),
      "completed",
    ],
    [
      "a broken file",
      () =>
        chaos(
          parseContent,
          {},
          { children: [ingestFile, saveMaterialization], prepare: (stage) => ready(stage, "people.json", '[{"id": 1') },
        ),
      "failed",
    ],
  ],
  [extractEmbeddings.type]: [
    ["parsed data", () => chaos(extractEmbeddings, {}, { children: MASHED, prepare: described }), "completed"],
    [
      "data that was not parsed",
      () => chaos(extractEmbeddings, { parsed_file_id: "parsed_1", deterministic_embedding_id: "artifact_1" }),
      "failed",
    ],
  ],
  [search.type]: [["words", () => chaos(search, { query: "name" }), "completed"]],
  [createMash.type]: [
    [
      "a ready file",
      () =>
        chaos(
          createMash,
          {},
          {
            children: MASHED,
            prepare: (stage) => ready(stage, "people.csv", PAIR),
          },
        ),
      "completed",
    ],
    [
      "a broken file",
      () =>
        chaos(
          createMash,
          {},
          {
            children: MASHED,
            prepare: (stage) => ready(stage, "people.json", '[{"id": 1'),
          },
        ),
      "compensated",
    ],
    [
      "a ready file, whose last stage fails",
      () =>
        chaos(failingAt("register"), {}, { children: MASHED, prepare: (stage) => ready(stage, "people.csv", PAIR) }),
      "failed",
    ],
    [
      "a ready file, whose meaning is found and cannot be told",
      () =>
        chaos(failingAt("semantic"), {}, { children: MASHED, prepare: (stage) => ready(stage, "people.csv", PAIR) }),
      "failed",
    ],
  ],
};

/** The data mash, with a stage that fails for good once it has done all that it does. */
function failingAt(name: string): IntentDefinition {
  const nodes = createMash.plan.nodes.map((node) => {
    if (node.name !== name || node.kind !== "step") return node;
    const run: typeof node.run = async (ctx) => {
      await node.run(ctx);
      throw new TerminalError("test.broken", "No.");
    };
    return { ...node, run };
  });
  return { ...createMash, plan: { ...createMash.plan, nodes } };
}

describe("the same is left, whatever call its worker dies before or after", () => {
  const all = Object.entries(cases).flatMap(([type, some]) => some.map((each) => [type, ...each] as const));
  it.concurrent.each(all)(
    "%s of %s",
    async (_type, _what, run, status) => {
      const { calls, crashes, execution } = await run();
      expect(execution.status).toBe(status);
      expect(crashes).toBe(2 * calls);
      expect(calls).toBeGreaterThan(3);
      // Each play of a query starts a process of its own.
    },
    120_000,
  );

  it("leaves out no intent of the catalog", () => {
    expect(Object.keys(cases).toSorted()).toEqual(intents.map(({ type }) => type).toSorted());
  });
});
