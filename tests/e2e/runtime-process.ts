import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { afterAll } from "vitest";

export const REPOSITORY: string = fileURLToPath(new URL("../../", import.meta.url));
const MAIN = join(REPOSITORY, "functions/main.ts");
export const SLOW_RUNTIME: string = fileURLToPath(new URL("fixtures/slow-runtime.ts", import.meta.url));
/** The Node of the dev dependency, whatever runs the tests. */
const TOOLS = join(REPOSITORY, "node_modules/.bin");
const START_TIMEOUT_MS = 15_000;

export interface StartOptions {
  /** Absent means a fresh folder. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The entry to run; default functions/main.ts. */
  readonly entry?: string;
  /** Runs `npm start` instead of the entry. */
  readonly npm?: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From the signal that the test sent, or else from the start. */
  readonly afterMs: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RuntimeProcess {
  /** Where it listens, as it printed it. */
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number | undefined;
  /** From the start of the process to its printed welcome. */
  readonly readyAfterMs: number;
  /** What it has printed by now. */
  stdout(): string;
  /** What it has logged by now. */
  stderr(): string;
  /** SIGTERM; resolves when the process is gone. */
  stop(): Promise<Exit>;
  /** SIGKILL: no code of the process runs any more. */
  kill(): Promise<Exit>;
}

/** Real processes of the runtime and their folders; whatever becomes of the tests, none outlives the file that asked for it. */
export interface RuntimeProcesses {
  /** A fresh folder, removed at the end. */
  folder(): Promise<string>;
  /** Resolves when the process has printed where it listens; rejects with its output when it ends before. */
  start(options?: StartOptions): Promise<RuntimeProcess>;
  /** Runs a process that is expected to end by itself. */
  runToExit(options?: StartOptions): Promise<Exit>;
}

/** Call it at the top of a test file. */
export function runtimeProcesses(): RuntimeProcesses {
  const launched: Launched[] = [];
  const folders: string[] = [];

  const folder = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), "symphainy-e2e-"));
    folders.push(path);
    return path;
  };
  const launchOne = async (options: StartOptions): Promise<Launched> => {
    const dataDir = options.dataDir ?? join(await folder(), "data");
    const process = launch({ ...options, dataDir });
    launched.push(process);
    return process;
  };

  afterAll(async () => {
    await Promise.all(launched.map((process) => process.end("SIGKILL")));
    await Promise.all(folders.map((path) => rm(path, { recursive: true, force: true })));
  });

  return {
    folder,
    start: async (options = {}) => {
      const process = await launchOne(options);
      const { url, readyAfterMs } = await process.ready();
      return {
        url,
        readyAfterMs,
        dataDir: process.dataDir,
        pid: process.pid,
        stdout: process.stdout,
        stderr: process.stderr,
        stop: () => process.end("SIGTERM"),
        kill: () => process.end("SIGKILL"),
      };
    },
    runToExit: async (options = {}) => (await launchOne(options)).exited,
  };
}

type Launched = ReturnType<typeof launch>;

function launch(options: StartOptions & { readonly dataDir: string }) {
  const npm = options.npm === true;
  const [command, args] = npm ? ["npm", ["start"]] : [join(TOOLS, "node"), [options.entry ?? MAIN]];
  let sinceMs = performance.now();
  const child = spawn(command, args, {
    cwd: REPOSITORY,
    env: {
      PATH: `${TOOLS}${delimiter}${process.env["PATH"] ?? ""}`,
      HOME: process.env["HOME"],
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      PORT: "0",
      DATA_DIR: options.dataDir,
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    // npm starts a shell that starts Node: as a group of their own they end together.
    detached: npm,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = once(child, "close").then(([code, signal]): Exit => {
    const afterMs = performance.now() - sinceMs;
    return { code: code as Exit["code"], signal: signal as Exit["signal"], afterMs, stdout, stderr };
  });

  return {
    dataDir: options.dataDir,
    pid: child.pid,
    exited,
    stdout: () => stdout,
    stderr: () => stderr,

    ready: async () => {
      const ended = exited.then(() => "ended" as const);
      for (const giveUpMs = sinceMs + START_TIMEOUT_MS; performance.now() < giveUpMs;) {
        const url = /^ {2}API +(http:\S+)$/m.exec(stdout)?.[1];
        if (url !== undefined) return { url, readyAfterMs: performance.now() - sinceMs };
        if ((await Promise.race([ended, sleep(5)])) === "ended") break;
      }
      throw new Error(`The runtime did not become ready.\n${stdout}\n${stderr}`);
    },

    end: (signal: NodeJS.Signals): Promise<Exit> => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        sinceMs = performance.now();
        process.kill(npm ? -child.pid : child.pid, signal);
      }
      return exited;
    },
  };
}
