import { rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";

import { RuntimeError } from "../../shared/errors.ts";
import { startComponents } from "./cloud/components.ts";
import { prefixed, printTable } from "./cloud/console.ts";
import { startFunctions } from "./cloud/functions.ts";
import { openRunFolder } from "./cloud/run-folder.ts";
import { callJobs } from "./cloud/scheduler.ts";
import type { Part } from "./parts/part.ts";

/**
 * `npm run dev:cloud`: everything that the cloud is made of, as processes of this machine, until Ctrl-C.
 *  D1  All that it starts ends with it: in order when it is told to stop, at once when it is killed.
 *  D2  What ends by itself is told and not started again: the rest shows how it does without.
 */
const DEFAULTS = {
  STORE: "tiered",
  OBJECTS: "gcs",
  BUS: "pubsub",
  GRAPH: "arango",
  MODE: "dev",
  GRACE_PERIOD_MS: "3000",
};
const DEFAULT_PORT = 8080;
const say = prefixed("dev:cloud");

const componentParts: Part[] = [];
const functionParts: Part[] = [];
const stopping = new AbortController();
let jobs: Promise<void> = Promise.resolve();
const folder = await openRunFolder(path.resolve(import.meta.dirname, "../../.symphainy/cloud"));
const postgresFolder = await openRunFolder(path.join(tmpdir(), `symphainy-cloud-${userInfo().username}`));

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop(0));
const starting = start();
await starting.catch((error: unknown) => {
  if (stopping.signal.aborted) return undefined;
  process.stderr.write(`${error instanceof RuntimeError ? error.message : String(error)}\n`);
  return stop(1);
});

async function start(): Promise<void> {
  const startedMs = performance.now();
  say(
    "starting Redis, its REST bridge, Postgres where there is one, the emulators of Firestore and Pub/Sub, and the stand-ins of Cloud Storage and ArangoDB",
  );
  const components = await startComponents({ run: folder, postgres: postgresFolder }, (part) =>
    watch(part, componentParts),
  );
  say("bundling the functions and the runner of guests, and starting each as a process");
  const { RECORDS = "sqlite" } = components.env;
  const env = Object.fromEntries(
    Object.entries({ ...DEFAULTS, RECORDS }).map(([name, value]) => [name, process.env[name] ?? value] as const),
  );
  const apiPort = Number(process.env["PORT"] ?? DEFAULT_PORT);
  const functions = await startFunctions({
    folder,
    components,
    env,
    // 0 chooses a free one.
    apiPort: apiPort === 0 ? undefined : apiPort,
    started: (part) => watch(part, functionParts),
  });
  jobs = callJobs(functions.jobs, stopping.signal, say);
  printTable([...components.rows, ...functions.rows], functions.apiUrl, env);
  say(`ready after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
}

function watch(part: Part, among: Part[]): void {
  among.push(part);
  // It was being started when the order to stop came.
  if (stopping.signal.aborted) return void part.stop();
  void part.ended.then(() => {
    if (stopping.signal.aborted) return undefined;
    return say(
      `${part.name} (pid ${part.pid}) ENDED BY ITSELF. It is not started again, and the rest goes on without it.`,
    );
  });
}

/** Functions first, so that they can put their work down in what they stand on. */
async function stop(code: number): Promise<void> {
  if (stopping.signal.aborted) return;
  stopping.abort();
  say("stopping");
  await jobs;
  await Promise.all(functionParts.map((part) => part.stop()));
  await Promise.all(componentParts.map((part) => part.stop()));
  // What was being started when the order came has been stopped by now, or fails over what is gone.
  await starting.catch(() => undefined);
  await Promise.all([...functionParts, ...componentParts].map(({ ended }) => ended));
  await Promise.all([folder, postgresFolder].map((each) => rm(each, { recursive: true, force: true })));
  say("stopped");
  process.exitCode = code;
}
