import { createHash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { type GcsStandin, startGcsStandin } from "../../infra/dev/parts/gcs-standin.ts";
import { temporaryFolder, type TemporaryFolder } from "../kit/temporary-folder.ts";
import { largeBody, MIB, openUpload, peakMemoryMiB, put } from "../kit/uploads.ts";
import { type Client, connect, expectStatus, send, shapes } from "./client.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";

const BUCKET = "symphainy-e2e";
const large = z.looseObject({ payload_url: z.url() });

const runtimes = runtimeProcesses();
let folder: TemporaryFolder;
let standin: GcsStandin;
let runtime: RuntimeProcess;
let client: Client;

beforeAll(async () => {
  folder = await temporaryFolder();
  standin = await startGcsStandin({ directory: folder.path, buckets: [BUCKET] });
  runtime = await runtimes.start({
    env: {
      OBJECTS: "gcs",
      GCS_BUCKET: BUCKET,
      GOOGLE_CLOUD_PROJECT: "symphainy-local",
      STORAGE_EMULATOR_HOST: standin.url,
      GOOGLE_APPLICATION_CREDENTIALS: standin.keyFile,
      METADATA_SERVER_DETECTION: "none",
    },
  });
  client = await connect(runtime.url);
});

afterAll(async () => {
  await standin.stop();
  await folder[Symbol.asyncDispose]();
});

const ingest = (upload_id: string, waitS = 90) =>
  client.post(
    "/content/ingest_file",
    { session_id: client.sessionId, parameters: { ui_name: "people.csv", upload_id } },
    { prefer: `wait=${waitS}` },
  );

describe("a runtime on Cloud Storage", () => {
  it(
    "lets bytes go straight to the bucket and come straight from it, and holds none of them",
    { timeout: 120_000 },
    async () => {
      const sizeBytes = 256 * MIB;
      const { body, sha256: digestOf } = largeBody(sizeBytes);
      const upload = await openUpload(client, sizeBytes);
      expect(new URL(upload.upload_url).origin).toBe(standin.url);
      const before = await peakMemoryMiB(runtime);
      expectStatus(await put(upload, body), 200);
      const ingested = await ingest(upload.upload_id);
      expectStatus(ingested, 200);
      const { output } = ingested.as(shapes.outcome);
      const sha256 = digestOf();
      expect(output).toMatchObject({ size_bytes: sizeBytes, sha256 });
      expect((await peakMemoryMiB(runtime)) - before).toBeLessThan(128);

      const { payload_url } = (await client.get(`/artifacts/${String(output["file_id"])}`)).as(large);
      expect(new URL(payload_url).origin).toBe(standin.url);
      const download = await fetch(payload_url);
      expect(download.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''people.csv");
      const seen = createHash("sha256");
      for await (const chunk of download.body as AsyncIterable<Uint8Array>) seen.update(chunk);
      expect(seen.digest("hex")).toBe(sha256);
    },
  );

  it(
    "turns red while the bucket is away, pretends nothing, and comes back by itself",
    { timeout: 90_000 },
    async () => {
      const upload = await openUpload(client, 3);
      expectStatus(await put(upload, "abc"), 200);
      await standin.kill();
      const sick = await send(runtime.url, { path: "/health/ready" });
      expect([sick.status, sick.text]).toEqual([503, expect.stringContaining("object_store")]);
      const waiting = await ingest(upload.upload_id, 2);
      expectStatus(waiting, 202);
      standin = await startGcsStandin({ directory: folder.path, port: standin.port });
      expectStatus(await send(runtime.url, { path: "/health/ready" }), 200);
      const { execution_id } = waiting.as(z.object({ execution_id: z.string() }));
      expect((await client.ended(execution_id, 60_000)).output).toMatchObject({ size_bytes: 3 });
    },
  );
});
