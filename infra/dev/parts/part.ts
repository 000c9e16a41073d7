import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { RuntimeError } from "../../../shared/errors.ts";

const HOST = "127.0.0.1";
const READY_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 25;
const STOP_WITHIN_MS = 5_000;
/** How much of what a part says is kept for the error that tells why it did not start. */
const KEPT_OUTPUT_CHARS = 4_000;

/** A real component that the runtime stands on, running on this machine as a process of its own. */
export interface Part extends AsyncDisposable {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Freezes the process (SIGSTOP); its connections stay open and answer nothing. */
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM, then SIGKILL when that does not help. */
  stop(): Promise<void>;
  /** Resolves when the process ends, for whatever reason. */
  readonly ended: Promise<void>;
}

export interface PartSpec {
  readonly name: string;
  readonly program: string;
  readonly args: (port: number) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A free one is chosen when absent: give it to start a part again where it was. */
  readonly port?: number | undefined;
  /** Whether the part serves already; it may throw as long as it does not. */
  readonly isReady: (port: number) => Promise<boolean>;
}

/** Starts a part and waits until it serves. Throws `part.not_started` with what it said. */
export async function startPart({ name, program, args, env = {}, port, isReady }: PartSpec): Promise<Part> {
  const chosen = port ?? (await freePort());
  const child = spawn(program, args(chosen), { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let output = "";
  const keep = (text: Buffer): void => {
    output = (output + text.toString()).slice(-KEPT_OUTPUT_CHARS);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.once("error", (error) => keep(Buffer.from(error.message)));
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  const killWithParent = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithParent);
  void ended.then(() => process.off("exit", killWithParent));

  const part = partOf(name, chosen, child, ended);
  const giveUpAt = performance.now() + READY_WITHIN_MS;
  while (!(await isReady(chosen).catch(() => false))) {
    if (hasEnded(child) || child.pid === undefined || performance.now() > giveUpAt) {
      await part.kill();
      throw new RuntimeError("part.not_started", `${name} did not start on port ${chosen}. It said:\n${output}`);
    }
    await sleep(LOOK_EVERY_MS);
  }
  return part;
}

function partOf(name: string, port: number, child: ChildProcess, ended: Promise<void>): Part {
  const kill = async (): Promise<void> => {
    if (!hasEnded(child)) child.kill("SIGKILL");
    await ended;
  };
  const stop = async (): Promise<void> => {
    if (hasEnded(child)) return;
    child.kill("SIGCONT");
    child.kill("SIGTERM");
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

/** Whether `GET /` on the port is answered with 200. */
export async function answersGet(port: number): Promise<boolean> {
  return (await fetch(`http://${HOST}:${port}/`, { signal: AbortSignal.timeout(1_000) })).ok;
}

export function missingPart(name: string, remedy: string): RuntimeError {
  return new RuntimeError("part.missing", `${name} is not installed on this machine. To install it: ${remedy}`);
}
