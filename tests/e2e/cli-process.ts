import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";

import { afterAll } from "vitest";

import { REPOSITORY } from "./runtime-process.ts";

const TOOLS = join(REPOSITORY, "node_modules/.bin");
const LAUNCHER = join(REPOSITORY, "infra/cli/symphainy.mjs");

export interface CliExit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CliProcess {
  readonly exited: Promise<CliExit>;
  /** What it has printed by now. */
  stdout(): string;
  kill(signal: NodeJS.Signals): void;
  /** Writes to its stdin, which for a process on a terminal is what somebody types. */
  type(text: string): void;
  endInput(): void;
}

/** The command line as its users run it, with an environment of its own: nothing of the machine's leaks in. */
export interface Cli {
  run(args: readonly string[], options?: CliOptions): Promise<CliExit>;
  start(args: readonly string[]): CliProcess;
  /** As `start`, on a pseudo-terminal of this size; all that it draws is in stdout. */
  onTerminal(args: readonly string[], size: { readonly columns: number; readonly rows: number }): CliProcess;
  /** As `start`, in bash and followed by `rest`, such as `| head -1`. */
  piped(args: readonly string[], rest: string): CliProcess;
}

/** Call it at the top of a test file: no process outlives its tests. */
export function commandLines(): (env: Readonly<Record<string, string>>, launcher?: string) => Cli {
  const started = new Set<ChildProcess>();
  afterAll(() => {
    for (const child of started) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  });
  return (env, launcher = LAUNCHER) => createCli(env, launcher, (child) => started.add(child));
}

function createCli(env: CliOptions["env"], launcher: string, onStart: (child: ChildProcess) => unknown): Cli {
  const base = {
    PATH: `${TOOLS}${delimiter}${process.env["PATH"] ?? ""}`,
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
    ...env,
  };
  const node = join(TOOLS, "node");
  const start = (command: readonly string[], more: CliOptions["env"] = {}): CliProcess => {
    const [program = "", ...args] = command;
    const child = spawn(program, args, { cwd: REPOSITORY, env: { ...base, ...more }, stdio: "pipe" });
    onStart(child);
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => (stdout += piece));
    const stderr = text(child.stderr);
    // A process that ends without reading is no fault of the test's.
    child.stdin.on("error", () => undefined);
    return {
      exited: once(child, "close").then(async ([code]) => ({
        code: code as number | null,
        stdout,
        stderr: await stderr,
      })),
      stdout: () => stdout,
      kill: (signal) => void child.kill(signal),
      type: (typed) => void child.stdin.write(typed),
      endInput: () => void child.stdin.end(),
    };
  };
  return {
    start: (args) => start([node, launcher, ...args]),
    run: (args, options = {}) => {
      const process = start([node, launcher, ...args], options.env);
      process.type(options.stdin ?? "");
      process.endInput();
      return process.exited;
    },
    onTerminal: (args, { columns, rows }) => {
      const words = [node, launcher, ...args].map((word) => `'${word}'`).join(" ");
      // What `stty` shows afterwards is the state that the shell of a person would be left in.
      // The shell outlives a Ctrl-C, as that of a person does.
      const line = `trap : INT; stty cols ${columns} rows ${rows}; ${words}; echo "exit $?"; stty -a | grep -oE -- '-?(echo|icanon)\\b'`;
      return start(["script", "-qfec", line, "/dev/null"]);
    },
    // Without its own start file, which bash reads when stdin is a socket, as Node's pipes are.
    piped: (args, rest) => start(["bash", "--norc", "-c", `"$0" "$@" ${rest}`, node, launcher, ...args]),
  };
}

/** Text without what differs from run to run: ids, times, durations and process ids. */
export function timeless(output: string): string {
  return output
    .replace(/\b(execution|session|event|contract|file|intent|saga|trace)_[0-9a-f]{8}-[0-9a-f-]{27}/g, "$1_ID")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replace(/ *\b\d+(?:\.\d+)? (?:ms|s|min|h|d)\b(?: \d+ (?:s|min|h)\b)?/g, " TOOK")
    .replace(/"processes":\s*\[[^\]]*\]/g, '"processes": PIDS');
}
