import { RuntimeError } from "../../shared/errors.ts";
import { asId } from "../../shared/ids.ts";
import { oneChunk } from "../../shared/one-chunk.ts";
import type { StepContext } from "../../shared/sagas/step-context.ts";
import type { Operation } from "../../shared/state/operation.ts";
import type { Materialization } from "../../shared/artifacts/artifact.ts";
import { contractScope } from "../../shared/steward/boundary-contract.ts";
import { findUpload, takeUpload, type Upload, uploadKind } from "../../shared/artifacts/upload.ts";
import type { Batch, FileResult } from "./bulk-operation.ts";
import { discardUpload } from "./discard-upload.ts";
import { bytesOf, emptyFile, extensionOf, type FileToIngest } from "./file-to-ingest.ts";

const DISCARDED_AT_A_TIME = 20;

type Context = StepContext<unknown, unknown>;

/** Takes the files of a batch in, some at a time; what becomes of each, in their order. A store that is away fails the whole batch. */
export async function takeIn(
  ctx: Context,
  batch: Batch,
  { files, max_parallel: atATime }: { readonly files: readonly FileToIngest[]; readonly max_parallel: number },
): Promise<readonly FileResult[]> {
  const results: FileResult[] = [];
  await someAtATime(batch.files.length, atATime, async (place) => {
    ctx.signal.throwIfAborted();
    const { index, file_id: fileId } = batch.files[place] ?? { index: -1, file_id: "" };
    const file = files[index];
    if (file !== undefined) results[place] = await takeOneIn(ctx, file, fileId);
  });
  return results;
}

/**
 * Gives up the bytes of the uploads that became files of an operation. Not before that is committed: a batch may be tried again, and wants
 * them then.
 */
export async function discardTaken(
  ctx: Context,
  files: readonly FileToIngest[],
  { results }: Pick<Operation, "results">,
): Promise<void> {
  await someAtATime(files.length, DISCARDED_AT_A_TIME, async (index) => {
    const uploadId = files[index]?.upload_id;
    const upload = uploadId === undefined ? undefined : await ctx.state.get(uploadKind, uploadId);
    if (upload?.taken === undefined || upload.taken.artifact_id !== results[index]?.["file_id"]) return;
    await discardUpload(ctx, upload);
  });
}

async function someAtATime(count: number, atATime: number, work: (place: number) => Promise<void>): Promise<void> {
  let next = 0;
  const goOn = async (): Promise<void> => {
    for (let place = next++; place < count; place = next++) await work(place);
  };
  await Promise.all(Array.from({ length: Math.min(atATime, count) }, goOn));
}

async function takeOneIn(ctx: Context, file: FileToIngest, fileId: string): Promise<FileResult> {
  try {
    const { materialization, upload } = await keepBytes(ctx, file, fileId);
    return await admit(ctx, file, fileId, materialization, upload);
  } catch (error) {
    // What the file is to blame for is its own result; everything else is tried again.
    if (!(error instanceof RuntimeError) || error.retryable || error.status >= 500) throw error;
    await register(ctx, file, fileId, []);
    await ctx.artifacts.move(asId.artifact(fileId), "FAILED", {
      failure: { code: error.code, message: error.message },
    });
    return { file_id: fileId, ok: false, code: error.code, message: error.message };
  }
}

async function keepBytes(
  ctx: Context,
  file: FileToIngest,
  fileId: string,
): Promise<{ readonly materialization: Materialization; readonly upload: Upload | undefined }> {
  const target = { artifact_id: asId.artifact(fileId), artifact_type: "file" };
  const format = extensionOf(file.ui_name);
  if (file.upload_id !== undefined) {
    const taker = { executionId: ctx.executionId, artifactId: fileId };
    const upload = await findUpload(ctx.state, file.upload_id, taker);
    const contentType = file.mime_type ?? upload.content_type;
    return { materialization: await ctx.artifacts.adopt(target, { format, contentType }, upload), upload };
  }
  const bytes = bytesOf(file);
  if (bytes.length === 0) throw emptyFile(file.ui_name);
  const contentType = file.mime_type ?? "application/octet-stream";
  return {
    materialization: await ctx.artifacts.keep(target, { format, contentType }, oneChunk(bytes)),
    upload: undefined,
  };
}

async function admit(
  ctx: Context,
  file: FileToIngest,
  fileId: string,
  materialization: Materialization,
  upload: Upload | undefined,
): Promise<FileResult> {
  const { sha256, size_bytes } = materialization;
  if (upload !== undefined) {
    await takeUpload(ctx.state, upload.upload_id, { executionId: ctx.executionId, artifactId: fileId });
  }
  await register(ctx, file, fileId, [materialization]);
  // By the file's own name: the steward knows what a step wrote by the step's key, and here one step takes in several.
  const steward = ctx.steward.within(fileId);
  const { ui_name: uiName, file_type: fileType, data_classification: dataClassification } = file;
  await steward.files.create({ fileId, dataClassification, materialization, uiName, fileType });
  const { contract_id } = await steward.contracts.requestDataAccess({
    dataClassification,
    source: { sha256, artifactId: fileId },
    scope: contractScope(ctx),
  });
  return { file_id: fileId, ok: true, boundary_contract_id: contract_id, sha256, size_bytes };
}

async function register(
  ctx: Context,
  file: FileToIngest,
  fileId: string,
  materializations: readonly Materialization[],
): Promise<void> {
  const { ui_name, ingestion_type, file_type, mime_type, partner_id } = file;
  await ctx.artifacts.register({
    artifact_id: asId.artifact(fileId),
    artifact_type: "file",
    semantic_descriptor: { schema: "bytes" },
    data_classification: file.data_classification,
    materializations: [...materializations],
    metadata: {
      ui_name,
      ingestion_type,
      ...(file_type === undefined ? {} : { file_type }),
      ...(mime_type === undefined ? {} : { mime_type }),
      ...(partner_id === undefined ? {} : { partner_id }),
    },
  });
}
