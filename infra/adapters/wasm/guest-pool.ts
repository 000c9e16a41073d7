import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";

import type { TenantId } from "../../../shared/ids.ts";
import { GUEST_LIMITS } from "../../../shared/ports/guest-limits.ts";
import type {
  AdmissionOutcome,
  GuestFailure,
  GuestFailureReason,
  GuestInvocation,
  GuestOutcome,
  GuestPool,
  ModuleSource,
} from "../../../shared/ports/wasm-runtime.ts";
import { wasmError } from "../../../shared/wasm-error.ts";
import { CALL_STATUS } from "./call-channel.ts";
import { answerOf, readCall } from "./capability-answers.ts";
import { moduleKey } from "./compiled-modules.ts";
import { type Call, exportOf, fail, succeed, unstarted } from "./guest-call.ts";
import type { GuestThread, ThreadAnswer } from "./guest-thread.ts";
import { GuestThreads } from "./guest-threads.ts";
import { LoadedModules } from "./loaded-modules.ts";
import type { CompiledModule } from "./module-compiler.ts";
import { TenantLine } from "./tenant-line.ts";
import { type Pace, TenantPace } from "./tenant-pace.ts";
import { LOW_PRIORITY, LOWEST_PRIORITY } from "./thread-priority.ts";
import { workerCode } from "./worker-code.ts";

/** From when on a call counts as long. */
const LONG_AFTER_MS = 50;
/** With these its tenant's next calls go behind all others. */
const CUT_OFF_REASONS: ReadonlySet<GuestFailureReason> = new Set([
  "trap",
  "stack_overflow",
  "deadline",
  "out_of_memory",
]);
/** How long a thread that breaks its call off itself may take to do so before it is ended. */
const BREAK_OFF_MS = 2_000;
/** For each thread that serves, this many may exist with the long ones and those that are being ended. */
const THREADS_FOR_ONE = 3;
/** How long a call waits for its turn. */
const PATIENCE_MS = 10_000;
const MAX_WAITING = 2_000;
const MAX_WAITING_OF_TENANT = 500;

/**
 * For all modules in this process, whoever compiles them (ADR 0026): a table of millions of entries ends a process, and in code of
 * the optimizing compiler a loop around memory.fill does not notice for minutes that its thread is to end.
 */
const PROCESS_FLAGS = [
  `--wasm-max-table-size=${GUEST_LIMITS.tableEntries}`,
  "--liftoff-only",
  "--no-wasm-tier-up",
  "--no-wasm-dynamic-tiering",
];

export interface GuestPoolDeps {
  readonly modules: ModuleSource;
  /** Threads for short calls; default two for each processor. One tenant's calls take at most half of them. */
  readonly threads?: number;
}

/** Opens a pool of threads for guests (W1 to W5 of the port), and waits for none of them. */
export async function openGuestPool({ modules, threads }: GuestPoolDeps): Promise<GuestPool> {
  for (const flag of PROCESS_FLAGS) setFlagsFromString(flag);
  const [guestCode, compilerCode] = await Promise.all([workerCode("guest-worker"), workerCode("compiler-worker")]);
  return new ThreadedGuestPool(modules, threads ?? 2 * availableParallelism(), guestCode, compilerCode);
}

class ThreadedGuestPool implements GuestPool {
  readonly #modules: LoadedModules;
  readonly #line: TenantLine<Call>;
  readonly #running = new Map<GuestThread, Call>();
  readonly #pace = new TenantPace();
  /** Those for short calls are there from the beginning, the others are started when a call waits. */
  readonly #lanes: Readonly<Record<Pace, GuestThreads>>;
  #closed = false;

  constructor(source: ModuleSource, threads: number, guestCode: URL, compilerCode: URL) {
    this.#line = new TenantLine(Math.max(1, Math.floor(threads / 2)));
    const lane = (priority: number | undefined): GuestThreads =>
      new GuestThreads({
        code: guestCode,
        serving: priority === undefined ? threads : 0,
        most: threads * THREADS_FOR_ONE,
        priority,
        events: {
          idle: () => this.#dispatch(),
          answered: (thread, answer) => this.#answered(thread, answer),
          called: (thread, callNumber, request) => void this.#called(thread, callNumber, request),
          ended: (thread, failure) => this.#ended(thread, failure),
        },
      });
    this.#lanes = { short: lane(undefined), long: lane(LOW_PRIORITY), cut_off: lane(LOWEST_PRIORITY) };
    this.#modules = new LoadedModules(source, compilerCode, (key) => {
      for (const each of Object.values(this.#lanes)) each.forget(key);
    });
  }

  admit(tenantId: TenantId, module: Uint8Array): Promise<AdmissionOutcome> {
    return this.#modules.admit(tenantId, module);
  }

  async invoke(invocation: GuestInvocation): Promise<GuestOutcome> {
    const { tenantId, digest, deadlineMs, input } = invocation;
    if (!(deadlineMs >= 1 && deadlineMs <= GUEST_LIMITS.deadlineMaxMs))
      throw wasmError("INVALID_REQUEST", `A deadline is 1 to ${GUEST_LIMITS.deadlineMaxMs} ms.`, {
        reason: "deadline",
      });
    if (input.length > GUEST_LIMITS.payloadBytes)
      return unstarted(
        "input_too_large",
        `The input has ${input.length} bytes; ${GUEST_LIMITS.payloadBytes} are allowed.`,
      );
    const compiled = this.#modules.get(tenantId, digest) ?? (await this.#modules.load(tenantId, digest));
    if ("reason" in compiled) return unstarted(compiled.reason, compiled.message);
    const { exports } = compiled.info;
    if (!exports.includes(exportOf(invocation, compiled)))
      return unstarted("unknown_export", `The module has no function ${exportOf(invocation, compiled)} to be invoked.`);
    return this.#enqueue(invocation, moduleKey(tenantId, digest), compiled);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#line.clear()) fail(call, "closed", "The host is stopping.");
    for (const call of this.#running.values()) fail(call, "closed", "The host is stopping.");
    this.#running.clear();
    await Promise.all([...Object.values(this.#lanes).map((lane) => lane.close()), this.#modules.close()]);
  }

  #enqueue(invocation: GuestInvocation, key: string, compiled: CompiledModule): Promise<GuestOutcome> {
    const { tenantId } = invocation;
    if (this.#closed) return Promise.resolve(unstarted("closed", "The host is stopping."));
    if (this.#line.length >= MAX_WAITING || this.#line.lengthOf(tenantId) >= MAX_WAITING_OF_TENANT)
      return Promise.resolve(unstarted("queue_full", "Too many calls wait; come again."));
    return new Promise((resolve) => {
      const call: Call = {
        invocation,
        key,
        compiled,
        settle: resolve,
        timer: undefined,
        startedMs: 0,
        thread: undefined,
        lane: undefined,
        gone: new AbortController(),
      };
      this.#line.push(tenantId, call);
      this.#dispatch();
      if (call.thread !== undefined) return;
      call.timer = setTimeout(() => {
        if (!this.#line.remove(tenantId, call)) return;
        fail(call, "queue_timeout", `It waited for its turn for ${PATIENCE_MS} ms.`);
      }, PATIENCE_MS);
    });
  }

  #dispatch(): void {
    while (!this.#closed) {
      const call = this.#line.take((tenantId) => this.#laneOf(tenantId).offers());
      if (call === undefined) return;
      const lane = this.#laneOf(call.invocation.tenantId);
      const thread = lane.take(call.key);
      if (thread === undefined) return;
      this.#start(call, thread, lane);
    }
  }

  #laneOf(tenantId: TenantId): GuestThreads {
    return this.#lanes[this.#pace.of(tenantId)];
  }

  #start(call: Call, thread: GuestThread, lane: GuestThreads): void {
    const { invocation, key, compiled } = call;
    const { deadlineMs } = invocation;
    clearTimeout(call.timer);
    call.thread = thread;
    call.lane = lane;
    call.startedMs = performance.now();
    this.#running.set(thread, call);
    thread.channel.clearLog();
    const known = thread.modules.has(key);
    thread.modules.add(key);
    thread.send({
      kind: "run",
      key,
      module: known ? undefined : compiled.loaded,
      exportName: exportOf(invocation, compiled),
      input: invocation.input,
      limitMs: lane.yielding ? deadlineMs : undefined,
    });
    const overdue = (): void => this.#overdue(call, thread);
    if (lane.yielding || deadlineMs <= LONG_AFTER_MS) {
      call.timer = setTimeout(overdue, deadlineMs);
      return;
    }
    call.timer = setTimeout(() => {
      lane.letLeave(thread);
      call.timer = setTimeout(overdue, deadlineMs - LONG_AFTER_MS);
    }, LONG_AFTER_MS);
  }

  /** Past its deadline: the caller is told at once; the tenant has its slot back only when the thread is free, or gone. */
  #overdue(call: Call, thread: GuestThread): void {
    fail(call, "deadline", `It ran longer than its ${call.invocation.deadlineMs} ms.`);
    if (call.lane?.yielding === true) call.timer = setTimeout(() => call.lane?.end(thread), BREAK_OFF_MS);
    else call.lane?.end(thread);
  }

  #answered(thread: GuestThread, answer: ThreadAnswer): void {
    const call = this.#running.get(thread);
    if (call === undefined) return;
    if (answer.kind === "failed") fail(call, answer.reason, answer.message);
    else succeed(call, answer.output);
    this.#running.delete(thread);
    const cutOff = answer.kind === "failed" && CUT_OFF_REASONS.has(answer.reason);
    this.#pace.add(call.invocation.tenantId, answer.cpuMs, cutOff);
    this.#line.release(call.invocation.tenantId);
    // What there was no memory for may have left some of it behind.
    if (answer.kind === "failed" && answer.reason === "out_of_memory") call.lane?.end(thread);
    else call.lane?.giveBack(thread);
    this.#dispatch();
  }

  #ended(thread: GuestThread, { reason, message }: GuestFailure): void {
    const call = this.#running.get(thread);
    if (call === undefined) return;
    this.#running.delete(thread);
    fail(call, reason, message);
    this.#pace.add(call.invocation.tenantId, performance.now() - call.startedMs, true);
    this.#line.release(call.invocation.tenantId);
    this.#dispatch();
  }

  /** A guest's capability call: decided here, where the guest cannot reach, and answered only while the guest still waits. */
  async #called(thread: GuestThread, callNumber: number, request: Uint8Array): Promise<void> {
    const call = this.#running.get(thread);
    if (call === undefined || call.gone.signal.aborted) return;
    const asked = readCall(request);
    if (asked === undefined) return thread.channel.answer(callNumber, CALL_STATUS.INVALID_REQUEST);
    try {
      const reply = await call.invocation.onCall(asked, call.gone.signal);
      if (call.gone.signal.aborted) return;
      const { status, result, complaint } = answerOf(reply);
      if (complaint !== undefined) thread.channel.log(Buffer.from(`[host] ${asked.operation}: ${complaint}\n`));
      thread.channel.answer(callNumber, status, result);
    } catch {
      if (!call.gone.signal.aborted) thread.channel.answer(callNumber, CALL_STATUS.FAILED);
    }
  }
}
