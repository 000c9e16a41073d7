import * as z from "zod";

import { intent } from "../../shared/sagas/intent.ts";

const input = z.strictObject({
  query: z.string().trim().min(1).max(2_000).describe("words that say what is looked for"),
  data_classification: z.enum(["client", "platform"]).default("client").describe("your own data, or the platform's"),
  embedding_kind: z.enum(["metadata", "meaning", "samples", "text"]).optional(),
  file_id: z.string().min(1).optional().describe("in this file alone"),
  limit: z.int().min(1).max(100).default(10),
});

const match = z.object({
  score: z.number().describe("cosine, from -1 to 1"),
  file_id: z.string(),
  content_id: z.string(),
  semantic_id: z.string(),
  embedding_kind: z.string(),
  text: z.string().describe("what was embedded, or its beginning"),
  column_name: z.string().optional(),
  column_type: z.string().optional(),
  record: z.int().optional().describe("the block of a document, from 0"),
});

const output = z.object({
  embedding_model: z.string(),
  matches: z.array(match),
  compared: z.int().describe("how many embeddings were looked at"),
  complete: z.boolean().describe("whether these were all that the filter leaves"),
});

/** Finds columns and texts by meaning, as far as the embedding model knows meaning: the embedded one knows words. */
export const search = intent("content.search", {
  version: 1,
  description: "Search columns and texts of processed content by meaning.",
  input,
  output,
  checkpoint: "ends",
})
  .step("search", {
    timeout: "30s",
    run: async (ctx) => {
      const { query, data_classification, embedding_kind, file_id, limit } = ctx.input;
      const found = await ctx.semantic.search({
        text: query,
        dataClassification: data_classification,
        embeddingKind: embedding_kind,
        fileId: file_id,
        limit,
      });
      return {
        embedding_model: found.embeddingModel,
        matches: found.matches.map(({ score, fields }) => match.parse({ ...fields, score })),
        compared: found.compared,
        complete: found.complete,
      };
    },
  })
  .returns(({ outputs }) => outputs.search);
