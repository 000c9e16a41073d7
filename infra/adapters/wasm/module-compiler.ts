import { Worker } from "node:worker_threads";

import type { TenantId } from "../../../shared/ids.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import type { AdmittedModule, ModuleRefusal } from "../../../shared/ports/wasm-runtime.ts";
import { tooLarge } from "./admission.ts";
import { TenantLine } from "./tenant-line.ts";
import type { FromCompiler, LoadedModule, ThreadData, ToCompiler } from "./thread-messages.ts";

const COMPILE_DEADLINE_MS = 5_000;
const MAX_WAITING = 200;
const MAX_WAITING_OF_TENANT = 50;
/** What a module may take without a rest, and how many times what it took beyond that its tenant's next one waits. */
const WITHOUT_REST_MS = 1;
const REST_FACTOR = 24;
const MAX_REST_MS = 5_000;
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, stackSizeMb: 2 };

export interface CompiledModule {
  readonly info: AdmittedModule;
  readonly loaded: LoadedModule;
}

export type Compilation =
  | { readonly outcome: "compiled"; readonly compiled: CompiledModule }
  | { readonly outcome: "refused"; readonly refusal: ModuleRefusal };

interface Job {
  readonly tenantId: TenantId;
  readonly bytes: Uint8Array;
  readonly settle: (compilation: Compilation) => void;
}

/**
 * Examines and compiles modules, one at a time, in a thread that is ended when one takes too long.
 *  C1  Modules of a tenant take no more than about a twenty-fifth of the time, however many it has; the next tenant does not wait for that.
 */
export interface ModuleCompiler {
  /** Always settles. */
  compile(tenantId: TenantId, bytes: Uint8Array): Promise<Compilation>;
  close(): Promise<void>;
}

export function createModuleCompiler(code: URL): ModuleCompiler {
  const line = new TenantLine<Job>(1);
  const resting = new Set<TenantId>();
  // Copied once, into memory that is there already: a message would copy it twice, and megabytes at a time hold everybody up.
  let shared = new SharedArrayBuffer(GUEST_LIMITS.moduleBytes);
  let worker: Worker | undefined;
  let ready = false;
  let running: { readonly job: Job; readonly timer: NodeJS.Timeout } | undefined;
  let closed = false;

  const settle = (compilation: Compilation, tookMs: number): void => {
    if (running === undefined) return;
    const { job, timer } = running;
    clearTimeout(timer);
    running = undefined;
    line.release(job.tenantId);
    rest(job.tenantId, tookMs);
    job.settle(compilation);
  };
  const rest = (tenantId: TenantId, tookMs: number): void => {
    const restMs = Math.min(MAX_REST_MS, REST_FACTOR * (tookMs - WITHOUT_REST_MS));
    if (restMs < 1) return;
    resting.add(tenantId);
    const end = (): void => {
      resting.delete(tenantId);
      next();
    };
    setTimeout(end, restMs).unref();
  };
  const refuse = (reason: ModuleRefusal["reason"], message: string): void =>
    settle({ outcome: "refused", refusal: { reason, message } }, COMPILE_DEADLINE_MS);

  const start = (): Worker => {
    const workerData: ThreadData = { shared };
    const made = new Worker(code, { workerData, env: {}, execArgv: [], resourceLimits: RESOURCE_LIMITS });
    made.unref();
    made.on("message", (message: FromCompiler) => {
      if (worker !== made) return;
      switch (message.kind) {
        case "ready":
          ready = true;
          break;
        case "refused":
          settle({ outcome: "refused", refusal: message.refusal }, message.cpuMs);
          break;
        case "compiled": {
          const { loaded, digest, sizeBytes, exports, cpuMs } = message;
          const info = { digest, sizeBytes, abi: loaded.abi, exports };
          settle({ outcome: "compiled", compiled: { loaded, info } }, cpuMs);
          break;
        }
      }
      next();
    });
    made.on("error", () => undefined);
    made.once("exit", () => {
      if (worker === made) replace("unsupported", "The module could not be compiled: it takes too much memory.");
    });
    return made;
  };

  /** The thread is of no more use: what it was at is refused, and the next job gets a new one. */
  const replace = (reason: ModuleRefusal["reason"], message: string): void => {
    void worker?.terminate();
    worker = undefined;
    ready = false;
    shared = new SharedArrayBuffer(GUEST_LIMITS.moduleBytes);
    refuse(reason, message);
    next();
  };

  const next = (): void => {
    if (closed || running !== undefined || line.length === 0) return;
    worker ??= start();
    if (!ready) return;
    const job = line.take((tenantId) => !resting.has(tenantId));
    if (job === undefined) return;
    const late = `Examining and compiling the module took longer than ${COMPILE_DEADLINE_MS} ms.`;
    running = { job, timer: setTimeout(() => replace("compile_deadline", late), COMPILE_DEADLINE_MS) };
    new Uint8Array(shared).set(job.bytes);
    worker.postMessage({ sizeBytes: job.bytes.length } satisfies ToCompiler);
  };

  return {
    compile: (tenantId, bytes) =>
      new Promise((settled) => {
        const message = tooLarge(bytes);
        if (message !== undefined) {
          settled({ outcome: "refused", refusal: { reason: "too_large", message, offset: 0 } });
          return;
        }
        if (closed || line.length >= MAX_WAITING || line.lengthOf(tenantId) >= MAX_WAITING_OF_TENANT) {
          settled({
            outcome: "refused",
            refusal: { reason: "queue_full", message: "Too many modules wait to be compiled." },
          });
          return;
        }
        line.push(tenantId, { tenantId, bytes, settle: settled });
        next();
      }),
    close: async () => {
      closed = true;
      const ending = worker?.terminate();
      worker = undefined;
      refuse("queue_full", "The host is stopping.");
      for (const job of line.clear())
        job.settle({ outcome: "refused", refusal: { reason: "queue_full", message: "The host is stopping." } });
      await ending;
    },
  };
}
