import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";

import { functionSpecs } from "../../infra/build/functions.ts";
import { buildImageFolder } from "../../infra/build/image.ts";
import { freePort } from "../../infra/dev/parts/part.ts";
import { cpuMsOf } from "./child.ts";
import { milliseconds } from "./figures.ts";
import type { Bench, Outcome, Row } from "./part.ts";
import { median } from "./statistics.ts";

/** A server that does nothing else: what starting Node costs on this machine, at this moment. */
const BARE = `require("node:http").createServer((q, s) => s.end("ok")).listen(+process.env.PORT, "127.0.0.1")`;

/**
 * The choices of the cloud. Nobody is at these addresses: clients are loaded and opened as there, and connect when they are used,
 * which the first answer does not wait for.
 */
const CLOUD = {
  STORE: "tiered",
  OBJECTS: "gcs",
  BUS: "pubsub",
  MODE: "dev",
  GOOGLE_CLOUD_PROJECT: "bench",
  GCS_BUCKET: "bench",
  FIRESTORE_EMULATOR_HOST: "127.0.0.1:9",
  PUBSUB_EMULATOR_HOST: "127.0.0.1:9",
  STORAGE_EMULATOR_HOST: "http://127.0.0.1:9",
  UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
  UPSTASH_REDIS_REST_TOKEN: "bench",
  METADATA_SERVER_DETECTION: "none",
};

/** Part: from the start of a process to its first answer, of every function as the image starts it, beside a bare Node server. */
export async function coldStartPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const image = join(directory, "image");
  const specs = functionSpecs();
  await buildImageFolder(image, specs);
  const cache = { NODE_COMPILE_CACHE: join(image, "compile-cache"), NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, ["warm-up.mjs"], { cwd: image, env: { ...process.env, ...cache } });

  const serve = (name: string, env: Readonly<Record<string, string>>) => ({
    args: ["server.mjs", name],
    env: { ...CLOUD, ...env, DATA_DIR: join(directory, "data") },
  });
  const targets = new Map<string, { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }>(
    [
      ["bare", { args: ["-e", BARE], env: {} }],
      ...specs.map(({ name }) => [name, serve(name, cache)] as const),
      ["runtime_api, not compiled ahead", serve("runtime_api", { NODE_ENV: "production" })],
    ],
  );
  const rounds = quick ? 1 : 9;
  say(`${rounds} starts of each of ${targets.size} programs, in turns`);
  const taken = new Map([...targets.keys()].map((name) => [name, [] as Start[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, { args, env }] of targets) taken.get(name)?.push(await firstAnswer(args, env, image));
  }
  const bare = taken.get("bare") ?? [];
  const rows = [...taken].slice(1).map(([name, starts]): Row => ({
    figure: `start to first answer, ${name}`,
    measured: told(starts),
    beside: `${told(bare)} a bare Node server`,
    ratio: median(starts.map(({ wallMs }, round) => wallMs / (bare[round]?.wallMs ?? Number.NaN))),
  }));
  return { rows, figures: Object.fromEntries(taken) };
}

interface Start {
  readonly wallMs: number;
  /** Of all threads: on a machine that has nothing else to do the wall's time is no more than this. */
  readonly cpuMs: number;
}

function told(starts: readonly Start[]): string {
  const wall = milliseconds(median(starts.map(({ wallMs }) => wallMs)));
  return `${wall} (${milliseconds(median(starts.map(({ cpuMs }) => cpuMs)))} CPU)`;
}

async function firstAnswer(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<Start> {
  const port = await freePort();
  const startedMs = performance.now();
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env, PORT: String(port), LOG_LEVEL: "error" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    while (!(await answers(port))) await aMoment(child);
    return { wallMs: performance.now() - startedMs, cpuMs: cpuMsOf(child.pid ?? 0) ?? Number.NaN };
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

async function answers(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.ok === true;
}

/** So short that it hardly adds to what is measured, and long enough to leave the machine to the child. */
async function aMoment(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  await new Promise((resolve) => setTimeout(resolve, 2));
}
