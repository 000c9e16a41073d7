import * as z from "zod";

import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { oneChunk } from "../../shared/one-chunk.ts";
import { intent } from "../../shared/sagas/intent.ts";
import { materializationSchema } from "../../shared/artifacts/artifact.ts";
import { contractScope } from "../../shared/steward/boundary-contract.ts";
import { findUpload, takeUpload } from "../../shared/artifacts/upload.ts";
import { discardUpload } from "./discard-upload.ts";
import { bytesOf, emptyFile, extensionOf, fileToIngest } from "./file-to-ingest.ts";

/** For the largest upload, read once for its digest at 20 MB a second. */
const STORE_TIMEOUT = "5m";

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
  sealable: true,
  input: fileToIngest,
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
      if (upload_id !== undefined && ctx.intent.subject_id !== undefined) throw uploadOfSubject();
      const upload = upload_id === undefined ? undefined : await findUpload(ctx.state, upload_id, ctx);
      if (upload !== undefined) await ctx.artifacts.expectUploaded(upload);
      const mimeType = ctx.input.mime_type ?? upload?.content_type;
      const file = await ctx.artifacts.register({
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
      // The names of objects, and their types, are not encrypted.
      const isSealed = ctx.intent.subject_id !== undefined;
      const format = isSealed ? "bin" : extensionOf(ctx.input.ui_name);
      if (ctx.input.upload_id !== undefined) {
        const upload = await findUpload(ctx.state, ctx.input.upload_id, ctx);
        const contentType = ctx.input.mime_type ?? upload.content_type;
        return ctx.artifacts.adopt(file, { format, contentType }, upload);
      }
      const bytes = bytesOf(ctx.input);
      if (bytes.length === 0) throw emptyFile(ctx.input.ui_name);
      const contentType = (isSealed ? undefined : ctx.input.mime_type) ?? "application/octet-stream";
      return ctx.artifacts.keep(file, { format, contentType }, oneChunk(bytes));
    },
  })
  .step("register", {
    run: async (ctx) => {
      const fileId = asId.artifact(ctx.outputs.receive.file_id);
      const materialization = materializationSchema.parse(ctx.outputs.store);
      const taker = { executionId: ctx.executionId, artifactId: fileId };
      const { upload_id: uploadId } = ctx.input;
      const upload = uploadId === undefined ? undefined : await takeUpload(ctx.state, uploadId, taker);
      await ctx.artifacts.amend(fileId, { materializations: [materialization] });
      const { ui_name: uiName, file_type: fileType, data_classification: dataClassification } = ctx.input;
      const { subject_id: subjectId } = ctx.intent;
      await ctx.steward.files.create({ fileId, dataClassification, materialization, uiName, fileType, subjectId });
      const contract = await ctx.steward.contracts.requestDataAccess({
        dataClassification,
        source: { sha256: materialization.sha256, artifactId: fileId },
        scope: contractScope(ctx),
      });
      ctx.emit("artifact_ingested", {
        artifact_id: fileId,
        artifact_type: "file",
        boundary_contract_id: contract.contract_id,
        sha256: materialization.sha256,
        size_bytes: materialization.size_bytes,
      });
      // Last, so that a file whose contract cannot be made leaves its upload to another try.
      if (upload !== undefined) await discardUpload(ctx, upload);
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

function uploadOfSubject(): RuntimeError {
  const message = "An upload rests unencrypted: a subject's file comes as content_base64, edi_data or api_payload.";
  return new RuntimeError("subject.upload_refused", message, { status: 422 });
}
