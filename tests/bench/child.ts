import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

const root = path.resolve(import.meta.dirname, "../..");

export interface ServerProcess {
  readonly url: string;
  /** From the spawn until `/health/ready`, or until it listens when it has no such endpoint. */
  readonly readyAfterMs: number;
  /** Resident memory now and at its highest; undefined where the system does not tell. */
  memory(): { readonly nowBytes: number; readonly peakBytes: number } | undefined;
  /** CPU time that it has used so far, user and system; undefined where the system does not tell. */
  cpuMs(): number | undefined;
  stop(): Promise<void>;
}

/** Starts a server as a process of its own; it must print its address. Throws what it said when it ends instead. */
export async function startServer(
  script: string,
  environment: Readonly<Record<string, string>>,
  probe?: "/health/ready",
): Promise<ServerProcess> {
  const startedMs = performance.now();
  const child = spawnNode([script], { ...environment, PORT: "0", LOG_LEVEL: "error" });
  const url = await addressOf(child);
  while (probe !== undefined && !(await isReady(`${url}${probe}`))) await new Promise(setImmediate);
  const readyAfterMs = performance.now() - startedMs;
  return {
    url,
    readyAfterMs,
    memory: () => memoryOf(child.pid ?? 0),
    cpuMs: () => cpuMsOf(child.pid ?? 0),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Runs a script to its end. Throws when it fails. */
export async function runScript(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
): Promise<void> {
  const child = spawnNode([script, ...args], { ...environment, LOG_LEVEL: "error" });
  if (child.stdout !== null) createInterface(child.stdout).on("line", onLine);
  await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`${script} ended with ${child.exitCode ?? child.signalCode ?? "nothing"}`);
}

function spawnNode(args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  const flags = (process.env["BENCH_NODE_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");
  return spawn(process.execPath, [...flags, ...args], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the server has no output");
  let said = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    const url = /http:\/\/[\w.:[\]]+:\d+/.exec(said)?.[0];
    if (url === undefined) continue;
    child.stdout.resume();
    return url;
  }
  throw new Error(`the server ended before it listened: ${said}`);
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.ok === true;
}

/** Linux counts CPU time in hundredths of a second (proc(5), /proc/pid/stat, fields 14 and 15). */
export function cpuMsOf(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function memoryOf(pid: number): { readonly nowBytes: number; readonly peakBytes: number } | undefined {
  if (process.platform !== "linux") return undefined;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1_024;
  return { nowBytes: bytes("VmRSS"), peakBytes: bytes("VmHWM") };
}
