import type { Clock } from "../clock.ts";
import { notFound } from "../errors.ts";
import type { ExecutionId, TenantId } from "../ids.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { Admission } from "../policy/admission.ts";
import type { WriteAheadLog } from "../state/write-ahead-log.ts";
import { type Execution, isSettled } from "./execution.ts";
import { overloaded } from "./failure.ts";
import { foldLog } from "./fold.ts";
import type { Presence } from "./presence.ts";
import { loadExecution, type LoadedExecution } from "./stored-execution.ts";
import type { Repetition, Submission, SubmitNew } from "./submission.ts";
import type { Workshop } from "./workshop.ts";

const WATCH_EVERY_MS = 250;
/** An execution that ends within this time costs its caller no watch over the connection. */
const SOON_MS = 1_000;

export interface SubmitAnswer {
  readonly execution: Execution;
  /** False when the same key led to an execution of before. */
  readonly fresh: boolean;
  /** What the tenant's limits say now, as headers of an answer. */
  readonly limits?: Readonly<Record<string, string>>;
}

/** Takes intents in, and answers what became of them. */
export interface ExecutionLifecycle {
  /**
   * Accepts an intent: once this resolves it is durable and will reach a terminal state. It goes on running behind.
   * Throws what `createSubmission` lists, and `runtime.overloaded` (503, retryable).
   */
  submit(submission: Submission, repetition?: Repetition): Promise<SubmitAnswer>;
  /**
   * The execution once nothing more happens by itself, or as it is when the budget is over or nobody waits for it any more.
   * `whenGone` is asked for only when the execution does not end at once.
   */
  wait(
    tenantId: TenantId,
    executionId: ExecutionId,
    budgetMs: number,
    whenGone?: () => AbortSignal,
  ): Promise<Execution>;
  /** Throws `execution.not_found` for an absent or foreign one. */
  get(tenantId: TenantId, executionId: ExecutionId): Promise<Execution>;
  load(tenantId: TenantId, executionId: ExecutionId): Promise<LoadedExecution>;
  /** The execution as its log tells it: always what `get` answers. Throws `execution.not_found`. */
  replay(tenantId: TenantId, executionId: ExecutionId): Promise<Execution>;
  /** Resolves when this process holds no execution, or not this one. */
  idle(executionId?: ExecutionId): Promise<void>;
  /** Aborts when this process begins to stop. */
  readonly stopping: AbortSignal;
  /** Takes in nothing more, lets running steps finish within the grace period, and hands the rest on. */
  stop(graceMs: number): Promise<void>;
}

export interface ExecutionLifecycleDeps {
  readonly store: ExecutionStore;
  readonly log: WriteAheadLog;
  readonly submitNew: SubmitNew;
  readonly admission: Pick<Admission, "settled">;
  readonly workshop: Workshop;
  readonly presence: Presence;
  readonly clock: Clock;
  /** Aborted by `stop`. */
  readonly stopping: AbortController;
}

export function createExecutionLifecycle(deps: ExecutionLifecycleDeps): ExecutionLifecycle {
  const { store, log, submitNew, workshop, presence, clock, stopping } = deps;

  const load = async (tenantId: TenantId, executionId: ExecutionId): Promise<LoadedExecution> => {
    const stored = await store.readExecution(tenantId, executionId);
    if (stored === undefined) throw notFound("execution", executionId);
    return loadExecution(stored);
  };
  const get = async (tenantId: TenantId, executionId: ExecutionId): Promise<Execution> =>
    (await load(tenantId, executionId)).state;

  /** What comes first: the outcome, the end of the time, or that nobody waits any more. */
  const first = async <Outcome>(outcome: Promise<Outcome>, delayMs: number, gone?: AbortSignal) => {
    const patience = new AbortController();
    const signal = gone === undefined ? patience.signal : AbortSignal.any([patience.signal, gone]);
    const come = await Promise.race([outcome, clock.sleep(delayMs, signal)]);
    // A reason of its own: without one an abort makes an error with a stack.
    patience.abort("something came");
    return come;
  };

  return {
    submit: async (submission, repetition) => {
      if (stopping.signal.aborted || !workshop.hasRoom(submission.tenantId)) throw overloaded();
      const leave = (): void => presence.leave();
      await presence.enter();
      try {
        const submitted = await submitNew(submission, repetition);
        if (submitted.kind === "duplicate") {
          leave();
          const execution = await get(submission.tenantId, submitted.executionId);
          return { execution, fresh: false, limits: submitted.limits };
        }
        workshop.take(submitted.held).then(leave, leave);
        return { execution: submitted.held.state, fresh: true, limits: submitted.limits };
      } catch (error) {
        leave();
        throw error;
      }
    },

    wait: async (tenantId, executionId, budgetMs, whenGone) => {
      const untilMs = clock.now() + budgetMs;
      const here = workshop.settled(executionId)?.catch(() => undefined);
      if (here !== undefined) {
        const settled = await first(here, Math.min(budgetMs, SOON_MS));
        if (settled !== undefined && isSettled(settled.status)) return settled;
      }
      const gone = whenGone?.();
      if (here !== undefined) {
        const settled = await first(here, untilMs - clock.now(), gone);
        if (settled !== undefined && isSettled(settled.status)) return settled;
      }
      // It runs elsewhere, waits, or its run here was cut short: the store is the only witness.
      for (;;) {
        const execution = await get(tenantId, executionId);
        const leftMs = untilMs - clock.now();
        if (isSettled(execution.status) || leftMs <= 0 || gone?.aborted === true) return execution;
        await clock.sleep(Math.min(WATCH_EVERY_MS, leftMs), gone);
      }
    },

    idle: (executionId) => workshop.idle(executionId),
    stopping: stopping.signal,
    load,
    get,

    replay: async (tenantId, executionId) => {
      const execution = await foldLog(log.replay(tenantId, { executionId }));
      if (execution === undefined) throw notFound("execution", executionId);
      return execution;
    },

    stop: async (graceMs) => {
      stopping.abort();
      await workshop.stop(graceMs);
      await deps.admission.settled();
      await presence.retire();
    },
  };
}
