import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { RuntimeError } from "../../../shared/errors.ts";
import { endWithThisProcess } from "./guard.ts";

const HOST = "127.0.0.1";
const READY_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 25;
const STOP_WITHIN_MS = 5_000;
/** A free port may be taken by somebody else before the part has it. */
const PORTS_TRIED = 3;
const PORT_TAKEN = /EADDRINUSE|already in use|failed to bind/i;
/** How much of what a part says is kept for the error that tells why it did not start. */
const KEPT_OUTPUT_CHARS = 4_000;

/** A real component that the runtime stands on, running on this machine as a process of its own. */
export interface Part extends AsyncDisposable {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** Freezes the process (SIGSTOP); its connections stay open and answer nothing. */
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM or what it wants in its stead, then SIGKILL when that does not help. */
  stop(): Promise<void>;
  /** Resolves when the process ends, for whatever reason. */
  readonly ended: Promise<void>;
}

export interface PartSpec {
  readonly name: string;
  readonly program: string;
  readonly args: (port: number) => readonly string[];
  /** Over what this process has in its own; undefined leaves a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The user and group that it runs as, which only root may choose. */
  readonly uid?: number | undefined;
  /** A free one is chosen when absent: give it to start a part again where it was. */
  readonly port?: number | undefined;
  /** Whether the part serves already; it may throw as long as it does not. */
  readonly isReady: (port: number) => Promise<boolean>;
  /** What asks it to end in good order; SIGTERM unless told otherwise. */
  readonly stopSignal?: NodeJS.Signals;
  /** Gets each line that the part says. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/**
 * Starts a part and waits until it serves; it ends with this process, however that ends.
 * Throws `part.not_started` with what it said.
 */
export async function startPart(spec: PartSpec): Promise<Part> {
  // Whoever has the port would answer in the part's stead.
  if (spec.port !== undefined && (await isTaken(spec.port))) {
    throw new RuntimeError("part.not_started", `${spec.name} did not start: port ${spec.port} is in use.`);
  }
  for (let tried = 1; ; tried += 1) {
    const port = spec.port ?? (await freePort());
    const outcome = await tryToStart(spec, port);
    if (outcome.kind === "serves") return outcome.part;
    const portWasTaken = PORT_TAKEN.test(outcome.output);
    if (spec.port !== undefined || !portWasTaken || tried === PORTS_TRIED) {
      throw new RuntimeError(
        "part.not_started",
        `${spec.name} did not start on port ${port}. It said:\n${outcome.output}`,
      );
    }
  }
}

type Outcome = { readonly kind: "serves"; readonly part: Part } | { readonly kind: "failed"; readonly output: string };

async function tryToStart(spec: PartSpec, port: number): Promise<Outcome> {
  const { name, program, args, env, cwd, uid, isReady, onLine, stopSignal = "SIGTERM" } = spec;
  const child = spawn(program, args(port), {
    cwd,
    ...(uid === undefined ? {} : { uid, gid: uid }),
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    // In a group of its own: the Ctrl-C of a terminal stops those who use the part first.
    detached: true,
  });
  let output = "";
  const keep = (text: string): void => {
    output = (output + text).slice(-KEPT_OUTPUT_CHARS);
  };
  for (const stream of [child.stdout, child.stderr]) readLines(stream, keep, onLine);
  child.once("error", (error) => keep(error.message));
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  if (child.pid !== undefined) endWithThisProcess(child.pid, ended);

  const part = partOf({ name, port, child, ended, stopSignal });
  const giveUpAt = performance.now() + READY_WITHIN_MS;
  while (performance.now() < giveUpAt) {
    const ready = await isReady(port).catch(() => false);
    // Looked at last: what answered on the port may have been somebody else.
    if (hasEnded(child) || child.pid === undefined) break;
    if (ready) return { kind: "serves", part };
    await sleep(LOOK_EVERY_MS);
  }
  await part.kill();
  return { kind: "failed", output };
}

function readLines(stream: Readable, keep: (text: string) => void, onLine: PartSpec["onLine"]): void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    keep(text);
    if (onLine === undefined) return;
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  });
}

interface Started {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  readonly stopSignal: NodeJS.Signals;
}

function partOf({ name, port, child, ended, stopSignal }: Started): Part {
  const kill = async (): Promise<void> => {
    if (!hasEnded(child)) child.kill("SIGKILL");
    await ended;
  };
  const stop = async (): Promise<void> => {
    if (hasEnded(child)) return;
    child.kill("SIGCONT");
    child.kill(stopSignal);
    const patience = new AbortController();
    const tooLong = sleep(STOP_WITHIN_MS, undefined, { signal: patience.signal }).then(kill, () => undefined);
    await ended;
    patience.abort();
    await tooLong;
  };
  return {
    name,
    host: HOST,
    port,
    pid: child.pid ?? 0,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    kill,
    stop,
    ended,
    [Symbol.asyncDispose]: stop,
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** A port of the loopback address that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function isTaken(port: number): Promise<boolean> {
  const socket = connect(port, HOST);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Whether `GET /` on the port is answered with 200. */
export async function answersGet(port: number): Promise<boolean> {
  return (await fetch(`http://${HOST}:${port}/`, { signal: AbortSignal.timeout(1_000) })).ok;
}

export function missingPart(name: string, remedy: string): RuntimeError {
  return new RuntimeError("part.missing", `${name} is not installed on this machine. To install it: ${remedy}`);
}
