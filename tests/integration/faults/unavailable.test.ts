import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";

import { expect, it, vi } from "vitest";
import * as z from "zod";

import { startFirestoreEmulator } from "../../../infra/dev/parts/firestore-emulator.ts";
import { startGcsStandin } from "../../../infra/dev/parts/gcs-standin.ts";
import { startPubsubEmulator } from "../../../infra/dev/parts/pubsub-emulator.ts";
import { setUpTopics } from "../../../infra/adapters/pubsub/set-up-topics.ts";
import { EVENTS_TOPIC } from "../../../shared/state/cloud-event.ts";
import { type Client, connect, send } from "../../e2e/client.ts";
import { type Operation, readOperations, requestFor } from "../../e2e/operations.ts";
import { runtimeProcesses } from "../../e2e/runtime-process.ts";
import { upload } from "../../e2e/sample-files.ts";
import { startMortalRedis } from "../../kit/mortal-redis.ts";
import { sharedFirestore, withParts } from "../../kit/parts.ts";
import { temporaryFolder } from "../../kit/temporary-folder.ts";

/** The longest that any endpoint may take to say that its store is away. */
const ANSWER_WITHIN_MS = 12_000;
const runtimes = runtimeProcesses();

const problem = z.object({ code: z.string(), retryable: z.boolean() });
const failure = z.object({ dependency: z.string(), component: z.string(), reason: z.string() });
const readiness = z.object({ status: z.string(), failing: z.array(failure).default([]) });

/** What readiness says, as status and the components that fail. */
async function ready(url: string) {
  const answer = await send(url, { path: "/health/ready" });
  const { failing } = answer.as(readiness);
  return { status: answer.status, failing: failing.map(({ dependency, component }) => `${dependency}: ${component}`) };
}

async function becomes(url: string, status: number, failing: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect(await ready(url)).toEqual({ status, failing }), {
    timeout: 15_000,
    interval: 200,
  });
}

/** What every endpoint that needs the store answers while it is away; the names of those that do not need it. */
async function askAll(client: Client, operations: readonly Operation[]): Promise<readonly string[]> {
  const known = {
    tenant_id: "acme",
    session_id: client.sessionId,
    execution_id: `execution_${randomUUID()}`,
    artifact_id: `file_${randomUUID()}`,
    target_artifact_id: `file_${randomUUID()}`,
    id: `intent_${randomUUID()}`,
    "POST /intent/submit": { intent_type: "content.ingest_file", parameters: upload("a.csv", "a\n") },
    "POST /content/ingest_file": { parameters: upload("a.csv", "a\n") },
    "POST /files/upload-url": { filename: "a.csv", content_type: "text/csv", size_bytes: 2 },
    "POST /intent/pending/create": { intent_type: "content.parse_content" },
    "POST /content/bulk_ingest_files": { parameters: { files: [upload("a.csv", "a\n")] } },
    "POST /steward/request_data_access": {
      parameters: { data_classification: "client", source_external_id: "orders" },
    },
    // The smallest module there is.
    "POST /wasm/instances": { module_base64: "AGFzbQEAAAA=" },
    "POST /wasm/instances/{instance_id}/capabilities": {
      provider_type: "kv",
      permissions: ["kv:read"],
    },
  };
  const without: string[] = [];
  const ask = async (operation: Operation): Promise<void> => {
    const { name } = operation;
    const startedMs = performance.now();
    const answer = await client.call(requestFor(operation, known));
    const inTime = performance.now() - startedMs < ANSWER_WITHIN_MS;
    if (answer.status !== 503) return void without.push(`${name}: ${answer.status}`);
    const said = { name, inTime, retryAfter: answer.headers.get("retry-after"), ...answer.as(problem) };
    expect(said).toEqual({ name, inTime: true, retryAfter: "1", code: "store.unavailable", retryable: true });
  };
  await Promise.all(operations.filter(({ secured }) => secured).map(ask));
  return without.toSorted();
}

withParts(["redis"], () => {
  it("every endpoint says 503 while Redis is away, readiness names it, and all is well when it is back", async () => {
    await using redis = await startMortalRedis();
    const runtime = await runtimes.start({ env: { STORE: "redis", REDIS_URL: redis.url } });
    const client = await connect(runtime.url);
    const operations = await readOperations(runtime.url);
    await becomes(runtime.url, 200, []);

    await redis.kill();
    await becomes(runtime.url, 503, ["execution_store: redis"]);
    expect(await askAll(client, operations)).toEqual(["GET /catalog: 200"]);
    await redis.restart();
    await becomes(runtime.url, 200, []);
    expect((await client.get(`/session/${client.sessionId}`)).status).toBe(200);

    redis.pause();
    await becomes(runtime.url, 503, ["execution_store: redis"]);
    expect(await askAll(client, operations)).toEqual(["GET /catalog: 200"]);
    redis.resume();
    await becomes(runtime.url, 200, []);
    expect((await client.get(`/session/${client.sessionId}`)).status).toBe(200);
  }, 150_000);

  it.each([
    ["is gone", true, /the stop failed.*store\.unavailable/],
    ["does not answer", false, /the stop took too long/],
  ])(
    "a process that is told to stop while Redis %s does so in time, and says that it failed",
    async (_, isGone, says) => {
      await using redis = await startMortalRedis();
      const env = { STORE: "redis", REDIS_URL: redis.url, GRACE_PERIOD_MS: "100" };
      const runtime = await runtimes.start({ env });
      await connect(runtime.url);
      if (isGone) await redis.kill();
      else redis.pause();
      const { code, afterMs, stderr } = await runtime.stop();
      expect(code).toBe(1);
      expect(stderr).toMatch(says);
      // Cloud Run's ten seconds, where the grace period is eight.
      expect(afterMs).toBeLessThan(4_000);
    },
  );
});

withParts(["firestore"], () => {
  it("every endpoint says 503 while Firestore does not answer, readiness names it, and all is well when it does", async () => {
    await using emulator = await startFirestoreEmulator();
    const env = {
      STORE: "firestore",
      GOOGLE_CLOUD_PROJECT: `test-${randomUUID()}`,
      FIRESTORE_EMULATOR_HOST: `${emulator.host}:${emulator.port}`,
    };
    const runtime = await runtimes.start({ env });
    const client = await connect(runtime.url);
    const operations = await readOperations(runtime.url);
    await becomes(runtime.url, 200, []);

    emulator.pause();
    await becomes(runtime.url, 503, ["execution_store: firestore"]);
    expect(await askAll(client, operations)).toEqual(["GET /catalog: 200"]);
    emulator.resume();
    await becomes(runtime.url, 200, []);
    expect((await client.get(`/session/${client.sessionId}`)).status).toBe(200);
  }, 150_000);
});

withParts(["pubsub"], () => {
  it("readiness names Pub/Sub while it does not answer; intents are taken all the same, and told when it does", async () => {
    await using emulator = await startPubsubEmulator();
    const project = `test-${randomUUID()}`;
    const emulatorHost = `${emulator.host}:${emulator.port}`;
    await setUpTopics(
      { projectId: project, emulatorHost },
      {
        topics: [EVENTS_TOPIC],
        pushes: [],
        deadLetters: { topic: "dead", subscription: "dead", maxDeliveryAttempts: 5 },
      },
    );
    const env = { BUS: "pubsub", GOOGLE_CLOUD_PROJECT: project, PUBSUB_EMULATOR_HOST: emulatorHost };
    const runtime = await runtimes.start({ env });
    const client = await connect(runtime.url);
    await becomes(runtime.url, 200, []);

    emulator.pause();
    await becomes(runtime.url, 503, ["message_bus: pubsub"]);
    const parameters = upload("a.csv", "a\n");
    const id = await client.accept({ session_id: client.sessionId, intent_type: "content.ingest_file", parameters });
    expect((await client.ended(id)).status).toBe("completed");
    emulator.resume();
    await becomes(runtime.url, 200, []);
  }, 150_000);
});

it("readiness names Cloud Storage while it is away; a file that comes then waits for it, and is taken when it is back", async () => {
  await using folder = await temporaryFolder();
  const start = (port?: number) => startGcsStandin({ directory: folder.path, buckets: ["bucket"], port });
  let gcs = await start();
  const env = {
    OBJECTS: "gcs",
    GCS_BUCKET: "bucket",
    GOOGLE_CLOUD_PROJECT: "test",
    STORAGE_EMULATOR_HOST: gcs.url,
    GOOGLE_APPLICATION_CREDENTIALS: gcs.keyFile,
  };
  const runtime = await runtimes.start({ env });
  const client = await connect(runtime.url);
  await becomes(runtime.url, 200, []);

  await gcs.kill();
  await becomes(runtime.url, 503, ["object_store: gcs"]);
  const parameters = upload("a.csv", "a\n");
  const submission = { session_id: client.sessionId, intent_type: "content.ingest_file", parameters };
  const id = await client.accept(submission);
  // More often than the step has attempts.
  await expect
    .poll(async () => (await client.execution(id)).steps.some((step) => Number(step["store_waits"]) > 3), {
      timeout: 20_000,
    })
    .toBe(true);
  expect((await client.execution(id)).steps.every(({ attempt }) => attempt === 1)).toBe(true);
  gcs = await start(gcs.port);
  await becomes(runtime.url, 200, []);
  expect((await client.ended(id)).status).toBe("completed");
  await gcs.stop();
}, 150_000);

withParts(["redis", "firestore"], () => {
  it("readiness of the tiered store names the one of the two that is away", async () => {
    await using redis = await startMortalRedis();
    const env = {
      STORE: "tiered",
      REDIS_URL: redis.url,
      GOOGLE_CLOUD_PROJECT: `test-${randomUUID()}`,
      FIRESTORE_EMULATOR_HOST: await sharedFirestore(),
    };
    const runtime = await runtimes.start({ env });
    await becomes(runtime.url, 200, []);
    await redis.kill();
    await becomes(runtime.url, 503, ["execution_store: redis"]);
    await redis.restart();
    await becomes(runtime.url, 200, []);
  }, 150_000);
});
