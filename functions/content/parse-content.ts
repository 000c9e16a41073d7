import * as z from "zod";

import { type Artifact, materializationSchema } from "../../shared/artifacts/artifact.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { toJson } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { expectContract } from "../../shared/steward/contract-in-force.ts";
import { parseOptionsSchema } from "./parsing/parse-options.ts";

const input = z.strictObject({
  file_id: z.string().min(1).describe("a READY file"),
  parsing_type: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe(
      "csv, tsv, json, jsonl, xlsx, xml, html, pdf, docx, txt, x12 or fixed_width, over what the file itself says",
    ),
  parse_options: parseOptionsSchema.optional(),
});

const column = z.object({ name: z.string(), type: z.string(), null_count: z.int() });

const output = z.object({
  parsed_file_id: z.string(),
  file_id: z.string(),
  lifecycle_state: z.literal("READY"),
  format: z.string(),
  content_type: z.enum(["structured", "unstructured", "hybrid"]),
  format_type: z.enum(["parquet", "json_chunks"]).describe("how the rows are stored"),
  record_count: z.int(),
  columns: z.array(column),
  notes: z.array(z.object({ code: z.string(), message: z.string() })),
});

/** Turns a file into rows: a parsed_content artifact, Parquet or one JSON object a line, with the columns and their types. */
export const parseContent = intent("content.parse_content", {
  version: 2,
  description: "Parse a READY file into rows with typed columns, or into the blocks of a document.",
  // Files that are held whole are read in turns: with fewer at a time they wait less, and other instances take the others.
  resources: { concurrency: 8, maxInstances: 100 },
  sealable: true,
  input,
  output,
  events: {
    content_parsed: z.object({
      artifact_id: z.string(),
      file_id: z.string(),
      parser_type: z.string(),
      record_count: z.int(),
    }),
  },
  target: { input: "file_id", artifactType: "file" },
})
  .step("reserve", {
    run: async (ctx) => {
      const file = await ctx.artifacts.get(asId.artifact(ctx.input.file_id), "file");
      if (file.lifecycle_state !== "READY") throw notReady(file);
      await expectContract(ctx.steward, file.data_classification, file.artifact_id);
      const parsed = await ctx.artifacts.register({
        artifact_id: ctx.ids.parsed(),
        artifact_type: "parsed_content",
        parent_artifacts: [file.artifact_id],
        semantic_descriptor: { schema: "rows" },
        data_classification: file.data_classification,
        metadata: { ui_name: file.metadata["ui_name"] ?? "" },
      });
      return { parsed_file_id: parsed.artifact_id };
    },
  })
  .step("parse", {
    timeout: "5m",
    run: async (ctx) => {
      const file = await ctx.artifacts.get(asId.artifact(ctx.input.file_id), "file");
      const [bytes] = file.materializations;
      if (bytes === undefined) throw notReady(file);
      // Loaded with the first file: whoever only accepts and hands on never parses.
      const [{ selectParser }, { storeRows }] = await Promise.all([
        import("./parsing/detect.ts"),
        import("./rows/store-rows.ts"),
      ]);
      const parser = selectParser({ ...hints(file), parsing_type: ctx.input.parsing_type });
      const parsed = {
        artifact_id: asId.artifact(ctx.outputs.reserve.parsed_file_id),
        artifact_type: "parsed_content",
      };
      const { materialization, profile, contentType, formatType, notes } = await storeRows({
        parser,
        options: ctx.input.parse_options ?? {},
        open: () => ctx.artifacts.read(bytes),
        sizeBytes: bytes.size_bytes,
        keep: (form, source) => ctx.artifacts.keep(parsed, form, source),
        signal: ctx.signal,
        tenantId: ctx.tenantId,
      });
      return {
        materialization,
        format: parser.format,
        content_type: contentType,
        format_type: formatType,
        record_count: profile.record_count,
        columns: [...profile.columns],
        notes: notes.map(({ code, message }) => ({ code, message })),
      };
    },
  })
  .step("publish", {
    run: async (ctx) => {
      const { format, content_type, format_type, record_count, columns, materialization } = ctx.outputs.parse;
      const parsedId = asId.artifact(ctx.outputs.reserve.parsed_file_id);
      const { metadata } = await ctx.artifacts.get(parsedId, "parsed_content");
      const bytes = materializationSchema.parse(toJson(materialization));
      const { data_classification } = await ctx.artifacts.move(parsedId, "READY", {
        metadata: { ...metadata, content_type, format_type },
        semantic_descriptor: { schema: "rows", parser_type: format, record_count, columns },
        materializations: [bytes],
      });
      await ctx.steward.parsed.storeParsedData({
        fileId: ctx.input.file_id,
        parsedFileId: parsedId,
        dataClassification: data_classification,
        materialization: bytes,
        formatType: format_type,
        contentType: content_type,
        rowCount: record_count,
        columns,
        parsedBy: ctx.intent.intent_type,
        metadata: { null_counts: columns.map(({ null_count }) => null_count) },
        parseOptions: ctx.input.parse_options,
        userId: ctx.intent.user_id,
        subjectId: ctx.intent.subject_id,
      });
      await ctx.steward.governance.trackLineage(data_classification, [
        { from: ctx.input.file_id, to: parsedId, relation: "parsed_into", fileId: ctx.input.file_id },
      ]);
      ctx.emit("content_parsed", {
        artifact_id: parsedId,
        file_id: ctx.input.file_id,
        parser_type: format,
        record_count,
      });
      return {};
    },
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ input: { file_id }, outputs: { reserve, parse } }) => ({
    parsed_file_id: reserve.parsed_file_id,
    file_id,
    lifecycle_state: "READY" as const,
    format: parse.format,
    content_type: parse.content_type,
    format_type: parse.format_type,
    record_count: parse.record_count,
    columns: parse.columns,
    notes: parse.notes,
  }));

function hints(file: Artifact): {
  readonly filename: string;
  readonly file_type?: string;
  readonly mime_type?: string;
} {
  const { ui_name, mime_type, ingestion_type } = file.metadata;
  // What comes in these ways is of one format, whatever it is called.
  const file_type =
    file.metadata["file_type"] ?? (ingestion_type === "edi" ? "x12" : ingestion_type === "api" ? "json" : undefined);
  return {
    filename: typeof ui_name === "string" ? ui_name : "",
    ...(typeof file_type === "string" ? { file_type } : {}),
    ...(typeof mime_type === "string" ? { mime_type } : {}),
  };
}

function notReady(file: Artifact): RuntimeError {
  const message = `The file ${file.artifact_id} is ${file.lifecycle_state}; it must be READY to be parsed (content.save_materialization).`;
  return new RuntimeError("artifact.not_ready", message, {
    status: 409,
    details: { lifecycle_state: file.lifecycle_state },
  });
}
