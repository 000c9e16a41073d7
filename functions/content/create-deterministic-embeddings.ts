import * as z from "zod";

import { materializationSchema } from "../../shared/artifacts/artifact.ts";
import { readyParsed } from "../../shared/artifacts/ready-parsed.ts";
import { asId } from "../../shared/ids.ts";
import { toJson } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { expectContract } from "../../shared/steward/contract-in-force.ts";

const MODEL = "deterministic-v1";

const input = z.strictObject({ parsed_file_id: z.string().min(1).describe("READY parsed content") });

const output = z.object({
  deterministic_embedding_id: z.string(),
  parsed_file_id: z.string(),
  lifecycle_state: z.literal("READY"),
  schema_fingerprint: z.string(),
  column_count: z.int(),
  record_count: z.int(),
});

/** Describes parsed data by what can be computed of it alone: a fingerprint of its columns, and a pattern of the values of each. */
export const createDeterministicEmbeddings = intent("content.create_deterministic_embeddings", {
  version: 1,
  description: "Compute the schema fingerprint and the pattern signature of parsed data.",
  input,
  output,
  events: {
    deterministic_embeddings_created: z.object({
      artifact_id: z.string(),
      parsed_file_id: z.string(),
      schema_fingerprint: z.string(),
    }),
  },
  target: { input: "parsed_file_id", artifactType: "parsed_content" },
})
  .step("reserve", {
    run: async (ctx) => {
      const parsed = await readyParsed(ctx.artifacts, ctx.input.parsed_file_id);
      await expectContract(ctx.steward, parsed.data_classification, parsed.parent_artifacts[0] ?? "");
      const { artifact_id } = await ctx.artifacts.register({
        artifact_id: ctx.ids.artifact(),
        artifact_type: "embeddings",
        parent_artifacts: [parsed.artifact_id],
        semantic_descriptor: { schema: "deterministic", embedding_model: MODEL },
        data_classification: parsed.data_classification,
        metadata: { ui_name: parsed.metadata["ui_name"] ?? "" },
      });
      return { deterministic_embedding_id: artifact_id };
    },
  })
  .step("describe", {
    timeout: "5m",
    run: async (ctx) => {
      const parsed = await ctx.artifacts.get(asId.artifact(ctx.input.parsed_file_id), "parsed_content");
      const { patternOf } = await import("./patterns/table-pattern.ts");
      const names = (parsed.semantic_descriptor.columns ?? []).map(({ name }) =>
        typeof name === "string" ? name : "",
      );
      const pattern = await patternOf(ctx.tables.rows(parsed), names, ctx.signal);
      const body = {
        schema_fingerprint: pattern.schemaFingerprint,
        record_count: pattern.recordCount,
        pattern_signature: pattern.patternSignature,
      };
      const id = asId.artifact(ctx.outputs.reserve.deterministic_embedding_id);
      const materialization = await ctx.artifacts.keep(
        { artifact_id: id, artifact_type: "embeddings" },
        { format: "json", contentType: "application/json" },
        ReadableStream.from([Buffer.from(JSON.stringify(body))]),
      );
      return {
        materialization,
        schema_fingerprint: pattern.schemaFingerprint,
        column_count: pattern.patternSignature.length,
        record_count: pattern.recordCount,
      };
    },
  })
  .step("publish", {
    run: async (ctx) => {
      const id = asId.artifact(ctx.outputs.reserve.deterministic_embedding_id);
      const { materialization, schema_fingerprint, record_count } = ctx.outputs.describe;
      await ctx.artifacts.move(id, "READY", {
        semantic_descriptor: { schema: "deterministic", embedding_model: MODEL, record_count },
        materializations: [materializationSchema.parse(toJson(materialization))],
      });
      ctx.emit("deterministic_embeddings_created", {
        artifact_id: id,
        parsed_file_id: ctx.input.parsed_file_id,
        schema_fingerprint,
      });
      return {};
    },
  })
  .returns(({ input: { parsed_file_id }, outputs: { reserve, describe } }) => ({
    deterministic_embedding_id: reserve.deterministic_embedding_id,
    parsed_file_id,
    lifecycle_state: "READY" as const,
    schema_fingerprint: describe.schema_fingerprint,
    column_count: describe.column_count,
    record_count: describe.record_count,
  }));
