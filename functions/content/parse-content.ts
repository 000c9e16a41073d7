import * as z from "zod";

import { type Artifact, materializationSchema } from "../../shared/artifacts/artifact.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { toJson } from "../../shared/json.ts";
import { intent } from "../../shared/sagas/intent.ts";
import type { ColumnProfiler } from "./parsing/column-profile.ts";
import { type ParseNote, parseOptionsSchema, type Row } from "./parsing/parser.ts";

const CHUNK_CHARS = 64 * 1024;
const MAX_NOTES = 100;

const input = z.strictObject({
  file_id: z.string().min(1).describe("a READY file"),
  parsing_type: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe("csv, json, jsonl or xlsx, over what the file itself says"),
  parse_options: parseOptionsSchema.optional(),
});

const column = z.object({ name: z.string(), type: z.string(), null_count: z.int() });

const output = z.object({
  parsed_file_id: z.string(),
  file_id: z.string(),
  lifecycle_state: z.literal("READY"),
  format: z.string(),
  record_count: z.int(),
  columns: z.array(column),
  notes: z.array(z.object({ code: z.string(), message: z.string() })),
});

/** Turns a file into rows: a parsed_content artifact, one JSON object a line, with the columns and their types. */
export const parseContent = intent("content.parse_content", {
  version: 1,
  description: "Parse a READY file (csv, json, jsonl, xlsx) into rows with typed columns.",
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
  target: "file_id",
})
  .step("reserve", {
    run: async (ctx) => {
      const file = await ctx.artifacts.get(asId.artifact(ctx.input.file_id), "file");
      if (file.lifecycle_state !== "READY") throw notReady(file);
      const parsed = ctx.artifacts.register({
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
      const [{ createColumnProfiler }, { selectParser }] = await Promise.all([
        import("./parsing/column-profile.ts"),
        import("./parsing/detect.ts"),
      ]);
      const parser = selectParser({ ...hints(file), parsing_type: ctx.input.parsing_type });
      const profiler = createColumnProfiler({ valuesAreText: parser.valuesAreText });
      const notes: ParseNote[] = [];
      const rows = parser.parse(await ctx.artifacts.read(bytes), ctx.input.parse_options ?? {}, {
        onColumns: (names) => profiler.declare(names),
        onNote: (note) => void (notes.length < MAX_NOTES && notes.push(note)),
      });
      const parsed = {
        artifact_id: asId.artifact(ctx.outputs.reserve.parsed_file_id),
        artifact_type: "parsed_content",
      };
      const form = { format: "jsonl", contentType: "application/x-ndjson" };
      const materialization = await ctx.artifacts.keep(parsed, form, jsonLines(rows, profiler, ctx.signal));
      const { columns, record_count } = profiler.profile();
      return {
        materialization,
        format: parser.format,
        record_count,
        columns: [...columns],
        notes: notes.map(({ code, message }) => ({ code, message })),
      };
    },
  })
  .step("publish", {
    run: async (ctx) => {
      const { format, record_count, columns, materialization } = ctx.outputs.parse;
      const parsedId = asId.artifact(ctx.outputs.reserve.parsed_file_id);
      await ctx.artifacts.move(parsedId, "READY", {
        semantic_descriptor: { schema: "rows", parser_type: format, record_count, columns },
        materializations: [materializationSchema.parse(toJson(materialization))],
      });
      ctx.emit("content_parsed", {
        artifact_id: parsedId,
        file_id: ctx.input.file_id,
        parser_type: format,
        record_count,
      });
      return {};
    },
  })
  .returns(({ input: { file_id }, outputs: { reserve, parse } }) => ({
    parsed_file_id: reserve.parsed_file_id,
    file_id,
    lifecycle_state: "READY" as const,
    format: parse.format,
    record_count: parse.record_count,
    columns: parse.columns,
    notes: parse.notes,
  }));

/** Rows as JSON lines in chunks, each row counted by the profiler on its way. */
async function* jsonLines(
  rows: AsyncIterable<Row>,
  profiler: ColumnProfiler,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  let text = "";
  for await (const row of rows) {
    signal.throwIfAborted();
    profiler.add(row);
    text += `${JSON.stringify(row)}\n`;
    if (text.length >= CHUNK_CHARS) {
      yield Buffer.from(text);
      text = "";
    }
  }
  if (text !== "") yield Buffer.from(text);
}

function hints(file: Artifact): {
  readonly filename: string;
  readonly file_type?: string;
  readonly mime_type?: string;
} {
  const { ui_name, file_type, mime_type } = file.metadata;
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
