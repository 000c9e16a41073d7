import { expect } from "vitest";

import type { JsonObject } from "../../shared/json.ts";
import type { TestRuntime } from "../kit/runtime.ts";

/** Runs an intent and expects that it completes. */
export async function done(runtime: TestRuntime, type: string, parameters: JsonObject): Promise<JsonObject> {
  const { status, error, output } = await runtime.run(type, parameters);
  expect([type, status, error]).toEqual([type, "completed", undefined]);
  return output as JsonObject;
}

/** Sends a file to an upload URL; the upload's id. */
export async function uploaded({ services, tenantId }: TestRuntime, name: string, bytes: Uint8Array): Promise<string> {
  const { uploads, adapters } = services;
  const draft = { tenantId, userId: undefined, filename: name, contentType: "application/octet-stream" };
  const { upload, request } = await uploads.open({ ...draft, sizeBytes: bytes.length });
  const body = { contentType: draft.contentType, sizeBytes: bytes.length, source: ReadableStream.from([bytes]) };
  await adapters.objects.served?.put(new URL(request.url, "http://127.0.0.1"), body);
  return upload.upload_id;
}

/** Uploads a file, takes it in and authorizes it; its id. */
export async function readyFile(runtime: TestRuntime, name: string, bytes: Uint8Array): Promise<string> {
  const upload_id = await uploaded(runtime, name, bytes);
  const ingested = await done(runtime, "content.ingest_file", { ui_name: name, upload_id });
  const { file_id, boundary_contract_id } = ingested;
  await done(runtime, "content.save_materialization", { file_id, boundary_contract_id });
  return String(file_id);
}
