import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";

import { RuntimeError } from "../../../shared/errors.ts";
import { createFairLine, QUANTUM } from "../../../shared/fair-line.ts";
import type { TenantId } from "../../../shared/ids.ts";
import type { QueryAnswer } from "../../../shared/ports/table-engine.ts";
import type { QueryOrder, QueryReply } from "./query-messages.ts";

/** As many as there are cores in the smallest function; the rest waits. */
const MAX_WORKERS = 2;
/** A process that waits longer for its next query ends: it holds 90 MB. */
const IDLE_MS = 60_000;
/** What a query costs in the fair line: a whole turn, as nobody knows how long it will take. */
const COST = QUANTUM;
const STARTED_WITHIN_MS = 30_000;

/**
 * Processes that run one query at a time each. One that was late, or died, is never used again. Queries that wait are served tenant by
 * tenant in turns: however many one tenant has, another's next one waits for no more than what is running and one of each other tenant.
 */
export interface QueryWorkers {
  run(query: WaitingQuery): Promise<QueryAnswer>;
  close(): void;
}

export interface WaitingQuery {
  readonly tenantId: TenantId;
  readonly order: QueryOrder;
  /** Once it runs. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export function createQueryWorkers(): QueryWorkers {
  const idle: { readonly worker: QueryWorker; readonly end: NodeJS.Timeout }[] = [];
  const waiting = createFairLine<() => void>();
  const all = new Set<QueryWorker>();
  let working = 0;
  let closed = false;

  const enter = async (tenantId: TenantId): Promise<void> => {
    if (working < MAX_WORKERS) working += 1;
    else await new Promise<void>((resolve) => waiting.push(tenantId, COST, resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next !== undefined) return next();
    working -= 1;
  };
  const take = async (): Promise<QueryWorker> => {
    for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
      clearTimeout(kept.end);
      if (kept.worker.alive) return kept.worker;
      all.delete(kept.worker);
    }
    if (closed) throw unavailable("the engine is closed");
    const worker = await QueryWorker.start();
    all.add(worker);
    return worker;
  };
  const putBack = (worker: QueryWorker): void => {
    if (closed || !worker.alive) {
      worker.kill();
      all.delete(worker);
      return;
    }
    const end = setTimeout(() => worker.kill(), IDLE_MS);
    end.unref();
    idle.push({ worker, end });
  };

  return {
    run: async ({ tenantId, order, timeoutMs, signal }) => {
      await enter(tenantId);
      try {
        const worker = await take();
        try {
          return await worker.run(order, timeoutMs, signal);
        } finally {
          putBack(worker);
        }
      } finally {
        leave();
      }
    },
    close: () => {
      closed = true;
      for (const { end } of idle.splice(0)) clearTimeout(end);
      for (const worker of all) worker.kill();
      all.clear();
    },
  };
}

class QueryWorker {
  readonly #child: ChildProcess;
  #heard: ((reply: QueryReply | { readonly kind: "gone"; readonly how: string }) => void) | undefined;
  alive = true;

  static async start(): Promise<QueryWorker> {
    const { moduleUrl, serveQueries } = await import("./query-process.ts");
    const script = `const child = await import(${JSON.stringify(moduleUrl)}); await child.${serveQueries.name}();`;
    const worker = new QueryWorker(script);
    const first = await worker.#next(STARTED_WITHIN_MS);
    if (first.kind === "ready") return worker;
    worker.kill();
    const why =
      first.kind === "refused" ? first.message : first.kind === "gone" ? first.how : "it did not start in time";
    throw unavailable(why);
  }

  private constructor(script: string) {
    this.#child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      // Nothing of the parent's environment, which has its secrets.
      env: {},
      cwd: tmpdir(),
    });
    this.#child.on("message", (reply) => this.#tell(reply as QueryReply));
    this.#child.on("exit", () => {
      this.alive = false;
    });
    // After what it said last: a process may be seen to end before its words are read.
    this.#child.on("close", (code, signal) => this.#gone(signal ?? `code ${code}`));
    this.#child.on("error", (error) => this.#gone(error.message));
    // A process that waits for queries is no reason for this one to stay.
    this.#child.unref();
    this.#child.channel?.unref();
  }

  async run(order: QueryOrder, timeoutMs: number, signal: AbortSignal): Promise<QueryAnswer> {
    const ended = (): void => this.kill();
    if (signal.aborted) throw abandoned();
    signal.addEventListener("abort", ended, { once: true });
    this.#child.send(order);
    const reply = await this.#next(timeoutMs);
    signal.removeEventListener("abort", ended);
    switch (reply.kind) {
      case "answer":
        return reply.answer;
      case "late":
        this.kill();
        throw refused("too_slow", `The query took longer than ${timeoutMs} ms.`);
      case "refused":
        // It ends itself for that: the next query must not find it.
        if (reply.refusal === "too_much_memory") this.kill();
        if (reply.refusal === "unavailable") throw unavailable(reply.message);
        throw refused(reply.refusal, reply.message);
      case "gone":
        if (signal.aborted) throw abandoned();
        throw refused("crashed", `The query ended the process that ran it (${reply.how}).`);
      case "ready":
        throw unavailable("a query process answered out of turn");
    }
  }

  kill(): void {
    this.alive = false;
    this.#child.kill("SIGKILL");
  }

  /** The next reply; meanwhile this process stays for it. */
  async #next(
    timeoutMs: number,
  ): Promise<QueryReply | { readonly kind: "gone"; readonly how: string } | { readonly kind: "late" }> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<{ readonly kind: "late" }>((resolve) => {
      timer = setTimeout(() => resolve({ kind: "late" }), timeoutMs);
    });
    const heard = new Promise<QueryReply | { readonly kind: "gone"; readonly how: string }>((resolve) => {
      this.#heard = resolve;
    });
    try {
      return await Promise.race([heard, late]);
    } finally {
      this.#heard = undefined;
      clearTimeout(timer);
    }
  }

  #tell(reply: QueryReply): void {
    this.#heard?.(reply);
  }

  #gone(how: string): void {
    this.alive = false;
    this.#heard?.({ kind: "gone", how });
  }
}

function refused(code: string, message: string): RuntimeError {
  return new RuntimeError(`tables.${code}`, message, { status: 422 });
}

function abandoned(): RuntimeError {
  return new RuntimeError("tables.abandoned", "Nobody waits for the query any more.", { status: 503, retryable: true });
}

export function unavailable(why: string, cause?: unknown): RuntimeError {
  return new RuntimeError("tables.unavailable", `Tables cannot be read here and now: ${why}.`, {
    status: 503,
    retryable: true,
    cause,
  });
}
