import * as z from "zod";

import { materializationSchema } from "../../shared/artifacts/artifact.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { readyParsed } from "../../shared/artifacts/ready-parsed.ts";
import { asId } from "../../shared/ids.ts";
import { embeddingsDraft, processingSummary, processParsed, storeItems } from "../../shared/mash/semantic-stages.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { expectContract } from "../../shared/steward/contract-in-force.ts";

const input = z.strictObject({
  parsed_file_id: z.string().min(1).describe("READY parsed data"),
  deterministic_embedding_id: z.string().min(1).describe("what content.create_deterministic_embeddings made of it"),
});

const output = z.object({
  embeddings_id: z.string(),
  semantic_id: z.string(),
  parsed_file_id: z.string(),
  lifecycle_state: z.literal("READY"),
  documents: z.int(),
  summary: processingSummary,
});

/** Stores what parsed data means in the semantic layer: embeddings of its columns, or the graph of what its text names. */
export const extractEmbeddings = intent("content.extract_embeddings", {
  version: 1,
  description: "Extract the meaning of parsed data: embeddings of columns and texts, entities and their relations.",
  input,
  output,
  events: {
    embeddings_extracted: z.object({ artifact_id: z.string(), parsed_file_id: z.string(), summary: processingSummary }),
  },
  target: { input: "parsed_file_id", artifactType: "parsed_content" },
})
  .step("reserve", {
    run: async (ctx) => {
      const parsed = await readyParsed(ctx.artifacts, ctx.input.parsed_file_id);
      await expectContract(ctx.steward, parsed.data_classification, parsed.parent_artifacts[0] ?? "");
      const deterministicId = asId.artifact(ctx.input.deterministic_embedding_id);
      const deterministic = await ctx.artifacts.get(deterministicId, "embeddings");
      if (!deterministic.parent_artifacts.includes(parsed.artifact_id)) {
        throw new RuntimeError("embeddings.other_source", `${deterministicId} was not made of ${parsed.artifact_id}.`, {
          status: 422,
        });
      }
      const draft = embeddingsDraft(parsed, ctx.ids.artifact());
      const { artifact_id } = await ctx.artifacts.register({
        ...draft,
        parent_artifacts: [...draft.parent_artifacts, deterministicId],
      });
      return { embeddings_id: artifact_id };
    },
  })
  .step("process", {
    timeout: "5m",
    run: async (ctx) => {
      const { embeddings_id } = ctx.outputs.reserve;
      const embeddingsId = asId.artifact(embeddings_id);
      const { materialization, summary } = await processParsed(ctx, ctx.input.parsed_file_id, embeddingsId);
      return { materialization, summary: { ...summary } };
    },
  })
  .step("store", {
    timeout: "5m",
    run: async (ctx) => {
      const { reserve, process } = ctx.outputs;
      return storeItems(ctx, ctx.input.parsed_file_id, reserve.embeddings_id, process.materialization);
    },
    undo: (ctx) => ctx.semantic.undo(),
  })
  .step("publish", {
    run: async (ctx) => {
      const { summary, materialization } = ctx.outputs.process;
      const embeddingsId = asId.artifact(ctx.outputs.reserve.embeddings_id);
      const { metadata } = await ctx.artifacts.get(embeddingsId, "embeddings");
      await ctx.artifacts.move(embeddingsId, "READY", {
        metadata: { ...metadata, ...summary, documents: ctx.outputs.store.documents },
        semantic_descriptor: { schema: "semantic_items", embedding_model: summary.embedding_model },
        materializations: [materializationSchema.parse(materialization)],
      });
      ctx.emit("embeddings_extracted", {
        artifact_id: embeddingsId,
        parsed_file_id: ctx.input.parsed_file_id,
        summary,
      });
      return {};
    },
  })
  .returns(({ input: { parsed_file_id }, outputs: { reserve, process, store } }) => ({
    embeddings_id: reserve.embeddings_id,
    semantic_id: reserve.embeddings_id,
    parsed_file_id,
    lifecycle_state: "READY" as const,
    documents: store.documents,
    summary: process.summary,
  }));
