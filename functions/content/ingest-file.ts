import * as z from "zod";

import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { errorFields } from "../../shared/logger.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { jsonValue } from "../../shared/json.ts";
import { materializationSchema } from "../../shared/artifacts/artifact.ts";
import { MEDIA_TYPE } from "../../shared/artifacts/media-type.ts";
import { findUpload, takeUpload } from "../../shared/artifacts/upload.ts";

/** Larger files come through an upload URL: large bytes never travel through an intent. */
const MAX_INLINE_BYTES = 1024 * 1024;
/** For the largest upload, read once for its digest at 20 MB a second. */
const STORE_TIMEOUT = "5m";
const MAX_BASE64_CHARS = Math.ceil(MAX_INLINE_BYTES / 3) * 4;
/** What a file comes as: exactly one of each list. */
const SOURCES = {
  upload: [["content_base64", "upload_id"]],
  edi: [["edi_data"], ["partner_id"]],
  api: [["api_payload"]],
} as const;
const SOURCE_FIELDS = Object.values(SOURCES).flat(2);

const input = z
  .strictObject({
    ui_name: z.string().min(1).max(255).describe("the file's name as people see it, with its extension"),
    ingestion_type: z.enum(["upload", "edi", "api"]).default("upload"),
    content_base64: z
      .base64()
      .max(MAX_BASE64_CHARS, `decodes to more than ${MAX_INLINE_BYTES} bytes; use an upload URL`)
      .optional()
      .describe("upload: the file's bytes, at most 1 MiB decoded"),
    upload_id: z.string().min(1).max(128).optional().describe("upload: what was sent to a URL of /files/upload-url"),
    edi_data: z.string().max(MAX_INLINE_BYTES).optional().describe("edi: the interchange as text"),
    partner_id: z.string().min(1).max(255).optional().describe("edi: who sent it"),
    api_payload: jsonValue.optional().describe("api: the payload, kept as JSON"),
    file_type: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe("csv, json, jsonl, xlsx ...; found by the name when absent"),
    mime_type: z
      .string()
      .max(255)
      .regex(MEDIA_TYPE, "must be a media type such as text/csv, with parameters or without")
      .optional(),
    data_classification: z.enum(["platform", "client"]).default("client"),
  })
  .superRefine((file, check) => {
    const complain = (name: string, message: string): void => check.addIssue({ code: "custom", path: [name], message });
    const choices: readonly (readonly (keyof typeof file)[])[] = SOURCES[file.ingestion_type];
    for (const choice of choices) {
      const given = choice.filter((name) => file[name] !== undefined);
      const [name = ""] = choice;
      const or = choice.length > 1 ? ` (or else ${choice.slice(1).join(", ")})` : "";
      if (given.length === 0) complain(name, `is required when ingestion_type is ${file.ingestion_type}${or}`);
      for (const extra of given.slice(1)) complain(extra, `does not go with ${given[0] ?? ""}`);
    }
    for (const name of SOURCE_FIELDS) {
      if (file[name] !== undefined && !choices.flat().includes(name)) {
        complain(name, `does not go with ingestion_type ${file.ingestion_type}`);
      }
    }
  });

const output = z.object({
  file_id: z.string(),
  boundary_contract_id: z.string(),
  lifecycle_state: z.literal("PENDING"),
  sha256: z.string(),
  size_bytes: z.int(),
});

/** Takes a file in: its bytes, a PENDING file artifact, and a boundary contract that waits to be authorized. */
export const ingestFile = intent("content.ingest_file", {
  version: 2,
  description: "Take a file in; it stays PENDING until content.save_materialization authorizes its use.",
  input,
  output,
  events: {
    artifact_ingested: z.object({
      artifact_id: z.string(),
      artifact_type: z.literal("file"),
      boundary_contract_id: z.string(),
      sha256: z.string(),
      size_bytes: z.int(),
    }),
  },
})
  .step("receive", {
    run: async (ctx) => {
      const { upload_id } = ctx.input;
      const upload = upload_id === undefined ? undefined : await findUpload(ctx.state, upload_id, ctx.executionId);
      if (upload !== undefined) await ctx.artifacts.expectUploaded(upload);
      const mimeType = ctx.input.mime_type ?? upload?.content_type;
      const file = ctx.artifacts.register({
        artifact_id: ctx.ids.file(),
        artifact_type: "file",
        semantic_descriptor: { schema: "bytes" },
        data_classification: ctx.input.data_classification,
        metadata: {
          ui_name: ctx.input.ui_name,
          ingestion_type: ctx.input.ingestion_type,
          ...(ctx.input.file_type === undefined ? {} : { file_type: ctx.input.file_type }),
          ...(mimeType === undefined ? {} : { mime_type: mimeType }),
          ...(ctx.input.partner_id === undefined ? {} : { partner_id: ctx.input.partner_id }),
        },
      });
      return { file_id: file.artifact_id };
    },
  })
  .step("store", {
    timeout: STORE_TIMEOUT,
    run: async (ctx) => {
      const file = { artifact_id: asId.artifact(ctx.outputs.receive.file_id), artifact_type: "file" };
      const format = extensionOf(ctx.input.ui_name);
      if (ctx.input.upload_id !== undefined) {
        const upload = await findUpload(ctx.state, ctx.input.upload_id, ctx.executionId);
        const contentType = ctx.input.mime_type ?? upload.content_type;
        return ctx.artifacts.adopt(file, { format, contentType }, upload);
      }
      const bytes = bytesOf(ctx.input);
      if (bytes.length === 0) {
        throw new RuntimeError("content.empty_file", `${ctx.input.ui_name} is empty: it has no bytes.`, {
          status: 422,
        });
      }
      const contentType = ctx.input.mime_type ?? "application/octet-stream";
      return ctx.artifacts.keep(file, { format, contentType }, one(bytes));
    },
  })
  .step("register", {
    run: async (ctx) => {
      const fileId = asId.artifact(ctx.outputs.receive.file_id);
      const materialization = materializationSchema.parse(ctx.outputs.store);
      if (ctx.input.upload_id !== undefined) {
        const taken = { execution_id: ctx.executionId, artifact_id: fileId };
        const upload = await takeUpload(ctx.state, ctx.input.upload_id, taken);
        // Not worth failing for: the store forgets uploads that are left behind by itself.
        await ctx.artifacts.discardUpload(upload).catch((error: unknown) => {
          ctx.logger.warn("the bytes of an upload were not removed", errorFields(error));
        });
      }
      await ctx.artifacts.amend(fileId, { materializations: [materialization] });
      const { ui_name: uiName, file_type: fileType, data_classification: dataClassification } = ctx.input;
      await ctx.steward.files.create({ fileId, dataClassification, materialization, uiName, fileType });
      const contract = await ctx.steward.contracts.requestDataAccess({
        dataClassification,
        source: { sha256: materialization.sha256, artifactId: fileId },
        scope: {
          session_id: ctx.sessionId,
          ...(ctx.intent.user_id === undefined ? {} : { user_id: ctx.intent.user_id }),
          ...(ctx.solutionId === undefined ? {} : { solution_id: ctx.solutionId }),
        },
      });
      ctx.emit("artifact_ingested", {
        artifact_id: fileId,
        artifact_type: "file",
        boundary_contract_id: contract.contract_id,
        sha256: materialization.sha256,
        size_bytes: materialization.size_bytes,
      });
      return { boundary_contract_id: contract.contract_id };
    },
    undo: (ctx) => ctx.steward.undo(),
  })
  .returns(({ outputs }) => ({
    file_id: outputs.receive.file_id,
    boundary_contract_id: outputs.register.boundary_contract_id,
    lifecycle_state: "PENDING" as const,
    sha256: outputs.store.sha256,
    size_bytes: outputs.store.size_bytes,
  }));

function bytesOf(file: z.infer<typeof input>): Uint8Array {
  switch (file.ingestion_type) {
    case "upload":
      return Buffer.from(file.content_base64 ?? "", "base64");
    case "edi":
      return Buffer.from(file.edi_data ?? "");
    case "api":
      return Buffer.from(JSON.stringify(file.api_payload));
  }
}

/** The extension for the stored object's name: letters and digits only, since the name comes from outside. */
function extensionOf(name: string): string {
  return /\.([A-Za-z0-9]{1,16})$/.exec(name)?.[1]?.toLowerCase() ?? "bin";
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}
