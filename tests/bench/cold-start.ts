import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { type FunctionSpec, functionSpecs } from "../../infra/build/functions.ts";
import { buildImageFolder } from "../../infra/build/image.ts";
import { freePort } from "../../infra/dev/parts/part.ts";
import { cpuMsOf, memoryOf } from "./child.ts";
import { openCloudStores } from "./cloud-stores.ts";
import { bytes, milliseconds } from "./figures.ts";
import { type FirstIntent, openSession } from "./first-intent.ts";
import type { Bench, Outcome, Row } from "./part.ts";
import { median } from "./statistics.ts";

/** A server that does nothing else: what starting Node costs on this machine, at this moment. */
const BARE = `require("node:http").createServer((q, s) => s.end("ok")).listen(+process.env.PORT, "127.0.0.1")`;

interface Target {
  readonly cwd: string;
  readonly args: readonly string[];
  /** The first intent that it is sent once it has answered; some functions take none. */
  readonly intent?: FirstIntent | undefined;
}

/**
 * Part: from the start of a process to its first answer, and to the first intent that it has accepted, of every function as the image
 * starts it on the cloud's stores, beside a bare Node server.
 */
export async function coldStartPart({ directory, quick, say }: Bench): Promise<Outcome> {
  const specs = functionSpecs();
  const image = join(directory, "image");
  const notAhead = join(directory, "image-not-compiled-ahead");
  await buildImageFolder(image, specs);
  await cp(image, notAhead, { recursive: true });
  await promisify(execFile)(process.execPath, ["warm-up.mjs"], { cwd: image });
  const stores = await openCloudStores(
    directory,
    specs.flatMap(({ intentType }) => intentType ?? []),
  );
  const env = { ...stores.environment, NODE_ENV: "production" };
  try {
    const serving = await start({ cwd: image, args: ["server.cjs", "runtime_api"] }, env);
    const { intents, warmMs } = await openSession(serving.url, specs);
    await serving.kill();

    const target = ({ name }: FunctionSpec, cwd: string): Target => {
      return { cwd, args: ["server.cjs", name], intent: intents.get(name) };
    };
    const api = specs.filter(({ kind }) => kind === "api");
    const targets = new Map<string, Target>([
      ["bare", { cwd: image, args: ["-e", BARE] }],
      ...specs.map((spec) => [spec.name, target(spec, image)] as const),
      ...api.map((spec) => [`${spec.name}, not compiled ahead`, target(spec, notAhead)] as const),
    ]);
    const rounds = quick ? 1 : 9;
    say(`${rounds} starts of each of ${targets.size} programs, in turns`);
    const taken = new Map([...targets.keys()].map((name) => [name, [] as Start[]]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, each] of targets) taken.get(name)?.push(await measure(each, env));
    }
    return { rows: rowsOf(taken, warmMs), figures: Object.fromEntries(taken) };
  } finally {
    await stores.stop();
  }
}

function rowsOf(taken: ReadonlyMap<string, readonly Start[]>, warmMs: number): readonly Row[] {
  const bare = taken.get("bare") ?? [];
  const answered = (name: string, starts: readonly Start[]): Row => ({
    figure: `start to first answer, ${name}`,
    measured: told(starts.map(({ answer }) => answer)),
    beside: `${told(bare.map(({ answer }) => answer))} a bare Node server`,
    ratio: median(starts.map(({ answer }, round) => answer.wallMs / (bare[round]?.answer.wallMs ?? Number.NaN))),
  });
  const accepted = (name: string, starts: readonly Start[]): Row => ({
    figure: `start to first accepted intent, ${name}`,
    measured: told(starts.flatMap((each) => each.accepted ?? [])),
    beside: `${milliseconds(warmMs)} to accept one in a process that has done so before`,
  });
  return [...taken]
    .slice(1)
    .flatMap(([name, starts]) => [
      answered(name, starts),
      ...(starts.some((each) => each.accepted !== undefined) ? [accepted(name, starts)] : []),
    ]);
}

interface Spent {
  readonly wallMs: number;
  /** Of all threads: on a machine that has nothing else to do the wall's time is no more than this. */
  readonly cpuMs: number;
  readonly residentBytes: number;
}

interface Start {
  readonly answer: Spent;
  readonly accepted: Spent | undefined;
}

function told(spent: readonly Spent[]): string {
  const of = (figure: keyof Spent) => median(spent.map((each) => each[figure]));
  return `${milliseconds(of("wallMs"))} (${milliseconds(of("cpuMs"))} CPU, ${bytes(of("residentBytes"))})`;
}

async function measure(target: Target, env: Readonly<Record<string, string>>): Promise<Start> {
  const started = await start(target, env);
  try {
    const answer = started.spent();
    await target.intent?.(started.url);
    return { answer, accepted: target.intent && started.spent() };
  } finally {
    await started.kill();
  }
}

/** Starts a program and waits for its first answer. */
async function start({ cwd, args }: Target, env: Readonly<Record<string, string>>) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const startedMs = performance.now();
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env, PORT: String(port), LOG_LEVEL: "error" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  while (!(await answers(url))) await aMoment(child);
  return {
    url,
    spent: (): Spent => ({
      wallMs: performance.now() - startedMs,
      cpuMs: cpuMsOf(child.pid ?? 0) ?? Number.NaN,
      residentBytes: memoryOf(child.pid ?? 0)?.nowBytes ?? Number.NaN,
    }),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health`).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.ok === true;
}

/** So short that it hardly adds to what is measured, and long enough to leave the machine to the child. */
async function aMoment(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  await new Promise((resolve) => setTimeout(resolve, 2));
}
