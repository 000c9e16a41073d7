import * as z from "zod";

import { readyParsed } from "../../shared/artifacts/ready-parsed.ts";
import { asId } from "../../shared/ids.ts";
import { embeddingsDraft, processingSummary, processParsed, storeItems } from "../../shared/mash/semantic-stages.ts";
import { validateFile } from "../../shared/mash/validate-file.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { createDeterministicEmbeddings } from "../content/create-deterministic-embeddings.ts";
import { parseContent } from "../content/parse-content.ts";

const input = z.strictObject({
  file_id: z.string().min(1).describe("a READY file"),
  options: z
    .strictObject({
      target_domain: z.string().min(1).max(200).optional().describe("what the data is about"),
      confidence_level: z.number().min(0).max(1).optional().describe("leave out entities that are less sure"),
    })
    .default({}),
});

const file = z.object({
  file_id: z.string(),
  ui_name: z.string(),
  sha256: z.string(),
  size_bytes: z.int(),
  data_classification: z.enum(["platform", "client"]),
  uploaded_at: z.string(),
  policies_applied: z.array(z.string()).describe("the governance policies that it complies with"),
});
const parsedStorage = z.object({
  parsed_file_id: z.string(),
  uri: z.string(),
  format: z.string(),
  metadata_id: z.string().describe("the data steward's row of it"),
});
const semantic = processingSummary.extend({
  deterministic_embedding_id: z.string().nullable().describe("what could be computed of a table alone; null of a text"),
});
const storage = z.object({ documents: z.int() });

const output = z.object({
  trace_id: z.string(),
  embeddings_id: z.string(),
  results: z.object({
    file,
    parse: z.object({ parsed_file_id: z.string(), format: z.string(), record_count: z.int() }),
    parsed_storage: parsedStorage,
    semantic,
    storage,
  }),
});

/**
 * The data mash: takes a file from its bytes to its meaning, stage by stage. It stops at the first stage that fails and keeps what the
 * stages before it did; a retry goes on from there. `GET /journey/{trace_id}` tells how far it is, and what each stage found.
 */
export const create = intent("mash.create", {
  version: 3,
  description: "Take a file through the data mash: validate, parse, store, find its meaning, store that too.",
  input,
  output,
  events: {
    data_mash_completed: z.object({ file_id: z.string(), parsed_file_id: z.string(), embeddings_id: z.string() }),
  },
  target: { input: "file_id", artifactType: "file" },
  journey: {
    file: ["file_uploaded", "file_validated"],
    parse: ["file_parsed"],
    parsed_storage: ["parsed_data_stored"],
    semantic: ["semantic_processed"],
    storage: ["semantic_stored"],
    register: ["data_mash_complete"],
  },
})
  .step("file", {
    run: async (ctx) => {
      const { file: found, bytes, policiesApplied } = await validateFile(ctx, ctx.input.file_id);
      const { ui_name } = found.metadata;
      return {
        file_id: found.artifact_id,
        ui_name: typeof ui_name === "string" ? ui_name : "",
        sha256: bytes.sha256,
        size_bytes: bytes.size_bytes,
        data_classification: found.data_classification,
        uploaded_at: found.created_at,
        policies_applied: [...policiesApplied],
      };
    },
  })
  .call("parse", { intent: parseContent, input: ({ input: { file_id } }) => ({ file_id }) })
  .step("parsed_storage", {
    run: async (ctx) => {
      const parsed = await readyParsed(ctx.artifacts, ctx.outputs.parse.parsed_file_id);
      const [rows] = parsed.materializations;
      // Parsing has written the row, once; here it must be there.
      const row = await ctx.steward.parsed.get(parsed.data_classification, parsed.artifact_id);
      return {
        parsed_file_id: parsed.artifact_id,
        uri: rows?.uri ?? "",
        format: rows?.format ?? "",
        metadata_id: row.id,
      };
    },
  })
  .call("deterministic", {
    intent: createDeterministicEmbeddings,
    input: ({ outputs }) => ({ parsed_file_id: outputs.parse.parsed_file_id }),
    when: ({ outputs }) => outputs.parse.content_type !== "unstructured",
  })
  // Before there are any bytes of it: whatever a stage keeps lies with an artifact that is on record, and goes with its file.
  .step("reserve", {
    run: async (ctx) => {
      const { parse, deterministic } = ctx.outputs;
      const parsed = await readyParsed(ctx.artifacts, parse.parsed_file_id);
      const draft = embeddingsDraft(parsed, ctx.ids.artifact());
      const computed = deterministic === null ? [] : [asId.artifact(deterministic.deterministic_embedding_id)];
      const { artifact_id } = await ctx.artifacts.register({
        ...draft,
        parent_artifacts: [...draft.parent_artifacts, ...computed],
      });
      return { embeddings_id: artifact_id };
    },
  })
  .step("semantic", {
    timeout: "5m",
    run: async (ctx) => {
      const { target_domain: targetDomain, confidence_level: leastConfidence } = ctx.input.options;
      const { parse, reserve } = ctx.outputs;
      const semanticId = asId.artifact(reserve.embeddings_id);
      const focus = { targetDomain, leastConfidence };
      const { materialization, summary } = await processParsed(ctx, parse.parsed_file_id, semanticId, focus);
      // They count from here on, whatever comes of the stages after.
      await ctx.artifacts.amend(semanticId, { materializations: [materialization] });
      return { materialization, ...summary };
    },
  })
  .step("storage", {
    timeout: "5m",
    run: async (ctx) => {
      const { parse, reserve, semantic: processed } = ctx.outputs;
      return storeItems(ctx, parse.parsed_file_id, reserve.embeddings_id, processed.materialization);
    },
    undo: (ctx) => ctx.semantic.undo(),
  })
  .step("register", {
    run: async (ctx) => {
      const { parse, reserve, semantic: processed, storage: stored } = ctx.outputs;
      const { materialization: _, ...summary } = processed;
      const embeddingsId = asId.artifact(reserve.embeddings_id);
      const { metadata } = await ctx.artifacts.get(embeddingsId, "embeddings");
      await ctx.artifacts.move(embeddingsId, "READY", {
        metadata: { ...metadata, ...summary, documents: stored.documents },
        semantic_descriptor: { schema: "semantic_items", embedding_model: summary.embedding_model },
      });
      ctx.logger.info("the data mash is complete", { file_id: ctx.input.file_id, documents: stored.documents });
      ctx.emit("data_mash_completed", {
        file_id: ctx.input.file_id,
        parsed_file_id: parse.parsed_file_id,
        embeddings_id: embeddingsId,
      });
      return { embeddings_id: embeddingsId, trace_id: ctx.trace.traceId };
    },
  })
  .returns(
    ({
      outputs: { file: found, parse, parsed_storage, deterministic, semantic: processed, storage: stored, register },
    }) => ({
      trace_id: register.trace_id,
      embeddings_id: register.embeddings_id,
      results: {
        file: found,
        parse: { parsed_file_id: parse.parsed_file_id, format: parse.format, record_count: parse.record_count },
        parsed_storage,
        semantic: { ...processed, deterministic_embedding_id: deterministic?.deterministic_embedding_id ?? null },
        storage: stored,
      },
    }),
  );
