import type { ArtifactBytes } from "../artifacts/artifact-bytes.ts";
import { createArtifactScope } from "../artifacts/artifact-scope.ts";
import type { Clock } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { Ids, TenantId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { Random } from "../random.ts";
import { createEffectScope } from "../sagas/effect-ledger.ts";
import { retryAfterMs, type RetryPolicy } from "../sagas/retry-policy.ts";
import type { EmittedEvent, UndoContext } from "../sagas/step-context.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { Execution, Failure } from "./execution.ts";
import { failureOf } from "./failure.ts";

export interface StepRunnerDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly bytes: ArtifactBytes;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly logger: Logger;
}

/** The context of a step or an undo, whose types the plan's builder has checked. */
export type ErasedContext = UndoContext<JsonObject, Readonly<Record<string, JsonValue>>, JsonValue>;

export interface Attempt {
  readonly stepName: string;
  readonly call: (ctx: ErasedContext) => unknown;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly tenantId: TenantId;
  readonly execution: Execution;
  readonly intent: Intent;
  readonly input: JsonObject;
  readonly outputs: Readonly<Record<string, JsonValue>>;
  /** What the step returned, for its undo. */
  readonly output?: JsonValue | undefined;
  readonly attempt: number;
  /** Where a step that is committed together with others finds what they changed. */
  readonly base?: UnitOfWork | undefined;
  /** Aborts when the process must end. */
  readonly stopping: AbortSignal;
  /** Aborts when the saga has no use for the result any more. */
  readonly unwanted: AbortSignal;
}

export type AttemptResult =
  | {
      readonly kind: "done";
      readonly output: JsonValue;
      readonly unit: UnitOfWork;
      readonly events: readonly EmittedEvent[];
    }
  /** `retryAfterMs` is absent when another attempt would not help, or was the last. */
  | { readonly kind: "failed"; readonly failure: Failure; readonly retryAfterMs: number | undefined }
  /** The process must end: there is no result, and another worker will run it again. */
  | { readonly kind: "stopped" };

const ENDED = "the step has ended";
const UNWANTED = "the saga has no use for the result any more";

/** Runs one attempt within its time. What it wants changed comes back in a unit of work; nothing of it is written here. */
export async function runAttempt(deps: StepRunnerDeps, attempt: Attempt): Promise<AttemptResult> {
  const { clock } = deps;
  const unit = new UnitOfWork(deps.surface, attempt.tenantId, clock.now(), attempt.base);
  const events: EmittedEvent[] = [];
  const over = new AbortController();
  const context = createContext(deps, attempt, unit, events, over);
  const limits = watchLimits(deps.clock, attempt, over);
  try {
    const output = await Promise.race([invoke(attempt, context), limits.reached]);
    return { kind: "done", output: toJson(output), unit, events };
  } catch (error) {
    if (attempt.stopping.aborted) return { kind: "stopped" };
    if (!(error instanceof RuntimeError)) context.logger.error("a step failed unexpectedly", errorFields(error));
    const again = retryAfterMs(attempt.retry, attempt.attempt, error, deps.random.fraction());
    return { kind: "failed", failure: failureOf(error, attempt.stepName), retryAfterMs: again };
  } finally {
    limits.end();
  }
}

/** Rejects when the step's time is over or the process must end, and tells the step by its signal; also when nobody wants it any more. */
function watchLimits(clock: Clock, attempt: Attempt, over: AbortController) {
  const ended = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    const error = new RuntimeError("step.stopped", "The process must end.", { status: 503, retryable: true });
    over.abort(error);
    reject(error);
  };
  const unwanted = (): void => over.abort(UNWANTED);
  attempt.stopping.addEventListener("abort", stop, { once: true });
  attempt.unwanted.addEventListener("abort", unwanted, { once: true });
  const time = async (): Promise<void> => {
    await clock.sleep(attempt.timeoutMs, ended.signal);
    if (ended.signal.aborted) return;
    const error = timeoutOf(attempt);
    over.abort(error);
    reject(error);
  };
  void time();
  if (attempt.stopping.aborted) stop();
  return {
    reached: promise,
    end: (): void => {
      // With a reason of its own an abort makes no error with a stack, which each step would pay for.
      ended.abort(ENDED);
      attempt.stopping.removeEventListener("abort", stop);
      attempt.unwanted.removeEventListener("abort", unwanted);
    },
  };
}

/** Async, so that a step that throws at once rejects like one that throws later. */
async function invoke(attempt: Attempt, context: ErasedContext): Promise<unknown> {
  return attempt.call(context);
}

function createContext(
  deps: StepRunnerDeps,
  attempt: Attempt,
  unit: UnitOfWork,
  events: EmittedEvent[],
  over: AbortController,
): ErasedContext {
  const { execution, intent, tenantId, stepName, timeoutMs } = attempt;
  const { clock, store, surface } = deps;
  const startedMs = clock.now();
  const nowMs = (): number => clock.now();
  const key = `${execution.execution_id}/${stepName}`;
  return {
    executionId: execution.execution_id,
    intent,
    tenantId,
    sessionId: execution.session_id,
    solutionId: intent.solution_id,
    input: attempt.input,
    outputs: attempt.outputs,
    output: attempt.output,
    attempt: attempt.attempt,
    key,
    deadline: () => Math.max(0, startedMs + timeoutMs - clock.now()),
    signal: over.signal,
    state: unit,
    artifacts: createArtifactScope({
      unit,
      bytes: deps.bytes,
      producer: { intentType: execution.intent_type, executionId: execution.execution_id },
      nowMs,
    }),
    effects: createEffectScope({ store, surface, nowMs }, tenantId, key),
    emit: (type, data) => void events.push({ type, data }),
    logger: deps.logger.with({
      tenant_id: tenantId,
      execution_id: execution.execution_id,
      intent_type: execution.intent_type,
      step: stepName,
      trace_id: execution.trace_id,
    }),
    trace: { traceId: execution.trace_id },
    ids: deps.ids,
    now: nowMs,
  };
}

function timeoutOf({ stepName, timeoutMs }: Attempt): RuntimeError {
  return new RuntimeError("step.timed_out", `The step ${stepName} took longer than ${timeoutMs} ms.`, {
    status: 504,
    retryable: true,
  });
}
