import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { ReceivedEvent } from "../kit/audit.ts";
import { type ClockSetting, FENCED, replySchema, type Request } from "./fixtures/worker-messages.ts";

const SCRIPT = fileURLToPath(new URL("fixtures/worker-process.ts", import.meta.url));
/** The Node of the dev dependency, whatever runs the tests. */
const NODE = fileURLToPath(new URL("../../node_modules/.bin/node", import.meta.url));
const ANSWER_WITHIN_MS = 3_000;

/** One worker: a real process over the store's file. */
export interface WorkerProcess {
  readonly pid: number;
  /** Resolves when it takes intents; rejects with its log when it ends before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<unknown>;
  readonly alive: boolean;
  /** The execution's id; undefined when no answer came: the process died, froze, or refused. */
  submit(request: Request): Promise<string | undefined>;
  signal(signal: NodeJS.Signals): void;
  /** Sets its machine's clock; CLOCK_OFF_MS in its environment says how far that is off at first. */
  setClock(byMs: number): void;
  /** Commits that the store refused it. */
  readonly fenced: number;
  /** Lines that it logged. */
  readonly log: readonly string[];
  /** Events that it published, each time that it did. */
  readonly published: readonly ReceivedEvent[];
}

/** `more`: environment variables besides the data folder's, such as those that choose a store. */
export function startWorker(dataDir: string, more: Readonly<Record<string, string>> = {}): WorkerProcess {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, DATA_DIR: dataDir, LOG_LEVEL: "error", ...more };
  const child = fork(SCRIPT, { execPath: NODE, execArgv: [], env, stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const answers = new Map<string, (executionId: string | undefined) => void>();
  const ready = Promise.withResolvers<void>();
  const exited = once(child, "exit").then(() => {
    ready.reject(new Error(`A worker ended before it was ready.\n${log.join("\n")}`));
    for (const answer of answers.values()) answer(undefined);
    return undefined;
  });
  const log = linesOf(child);
  const published: ReceivedEvent[] = [];
  child.on("message", (message) => {
    const reply = replySchema.parse(message);
    if (reply.kind === "ready") ready.resolve();
    else if (reply.kind === "published") {
      published.push({ eventId: reply.event_id, type: reply.type, orderingKey: reply.ordering_key });
    } else answers.get(reply.key)?.(reply.kind === "accepted" ? reply.execution_id : undefined);
  });
  // Whoever waits for it hears of it; nobody has to.
  ready.promise.catch(() => undefined);
  // What is sent to a process that is just dying fails; its exit says enough.
  child.on("error", () => undefined);

  return {
    pid: child.pid ?? 0,
    ready: ready.promise,
    exited,
    get alive() {
      return child.exitCode === null && child.signalCode === null;
    },
    submit: (request) =>
      new Promise((resolve) => {
        const answer = (executionId: string | undefined): void => {
          clearTimeout(patience);
          answers.delete(request.key);
          resolve(executionId);
        };
        const patience = setTimeout(answer, ANSWER_WITHIN_MS, undefined);
        answers.set(request.key, answer);
        if (!child.connected) answer(undefined);
        else child.send(request, (error) => (error === null ? undefined : answer(undefined)));
      }),
    signal: (signal) => void child.kill(signal),
    setClock: (byMs) => void child.send({ set_clock_by_ms: byMs } satisfies ClockSetting),
    get fenced() {
      return log.filter((line) => line.includes(FENCED)).length;
    },
    log,
    published,
  };
}

function linesOf(child: ChildProcess): readonly string[] {
  const lines: string[] = [];
  let rest = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    const parts = `${rest}${chunk.toString()}`.split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  });
  return lines;
}
