/**
 * `node warm-up.mjs`, beside the bundles, while the image is built: starts functions and has them answer, so that what V8 compiles for
 * that lies beside them, and no start has to compile it again. Once on the cloud's choices, where nobody answers at this moment, and once
 * on embedded ones, where an intent is accepted and runs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";

const here = import.meta.dirname;
const { runToPrepare } = createRequire(import.meta.url)("./prepared-script.cjs");

const DATA_DIR = mkdtempSync(`${tmpdir()}/warm-up-`);
const NOBODY = "127.0.0.1:9";
const EMBEDDED = { MODE: "dev", STORE: "sqlite", OBJECTS: "files", BUS: "in-process", DATA_DIR, LOG_LEVEL: "error" };
const CLOUD = {
  STORE: "tiered",
  OBJECTS: "gcs",
  BUS: "pubsub",
  GOOGLE_CLOUD_PROJECT: "warm-up",
  GCS_BUCKET: "warm-up",
  FIRESTORE_EMULATOR_HOST: NOBODY,
  PUBSUB_EMULATOR_HOST: NOBODY,
  STORAGE_EMULATOR_HOST: `http://${NOBODY}`,
  UPSTASH_REDIS_REST_URL: `http://${NOBODY}`,
  UPSTASH_REDIS_REST_TOKEN: "warm-up",
  METADATA_SERVER_DETECTION: "none",
};
/** Longer than a function takes to send what nobody will answer. */
const PATIENCE_MS = 3_000;
const TENANT = { tenant_id: "warm-up" };
const INTENT = { ui_name: "a.csv", content_base64: "YSxiCjEsMgo=" };

const { exported, prepare } = runToPrepare(`${here}/functions.cjs`);
for (const make of Object.values(exported.functions)) make();

const embeddedApi = await serve("runtime_api", EMBEDDED);
const ingest = await serve("ingest_file", EMBEDDED);
const cloudApi = await serve("runtime_api", { ...EMBEDDED, ...CLOUD });
const { token } = await ask(embeddedApi, "/dev/token", TENANT);
const { session_id } = await ask(embeddedApi, "/session/create", TENANT, token);
const submission = { ...TENANT, session_id, parameters: INTENT };
await ask(embeddedApi, "/intent/submit", { ...submission, intent_type: "content.ingest_file" }, token);
await ask(ingest, "/content/ingest_file", submission, token);
await ask(cloudApi, "/health");
await ask(cloudApi, "/intent/submit", { ...submission, intent_type: "content.ingest_file" }, token).catch(
  () => undefined,
);
prepare();
rmSync(DATA_DIR, { recursive: true });
// oxlint-disable-next-line unicorn/no-process-exit -- what it started would first look for the stores that are not there
process.exit(0);

/** Starts a function as its entry in the image does, and tells where it is. */
async function serve(name, environment) {
  const port = await freePort();
  Object.assign(process.env, environment, { PORT: String(port) });
  await exported.functions[name]().serve();
  return `http://127.0.0.1:${port}`;
}

async function ask(url, path, body, bearer) {
  const answer = await fetch(url + path, {
    headers: {
      "content-type": "application/json",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${JSON.stringify(told)}`);
  return told;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
