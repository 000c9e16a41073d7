import type { ArtifactBytes } from "../artifacts/artifact-bytes.ts";
import { createArtifactScope } from "../artifacts/artifact-scope.ts";
import type { Clock } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { Ids, TenantId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { StepNode } from "../sagas/plan.ts";
import type { EmittedEvent, StepContext } from "../sagas/step-context.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { Execution, Failure } from "./execution.ts";
import { failureOf } from "./failure.ts";

export interface StepRunnerDeps {
  readonly surface: StateSurface;
  readonly bytes: ArtifactBytes;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

export interface StepAttempt {
  readonly node: StepNode;
  readonly tenantId: TenantId;
  readonly execution: Execution;
  readonly intent: Intent;
  readonly input: JsonObject;
  readonly outputs: Readonly<Record<string, JsonValue>>;
  readonly attempt: number;
  /** Aborts when the process must end. */
  readonly stopping: AbortSignal;
}

export type StepResult =
  | {
      readonly kind: "done";
      readonly output: JsonValue;
      readonly unit: UnitOfWork;
      readonly events: readonly EmittedEvent[];
    }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** The process must end: the step has no result, and another worker will run it again. */
  | { readonly kind: "stopped" };

/** Runs one attempt of a step within its time. What it wants changed comes back in a unit of work; nothing is written here. */
export async function runStep(deps: StepRunnerDeps, attempt: StepAttempt): Promise<StepResult> {
  const { node, execution, intent, tenantId } = attempt;
  const { clock } = deps;
  const startedMs = clock.now();
  const unit = new UnitOfWork(deps.surface, tenantId, startedMs);
  const events: EmittedEvent[] = [];
  const logger = deps.logger.with({
    tenant_id: tenantId,
    execution_id: execution.execution_id,
    intent_type: execution.intent_type,
    step: node.name,
    trace_id: execution.trace_id,
  });
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, attempt.stopping]);
  const context: StepContext<JsonObject, Readonly<Record<string, JsonValue>>> = {
    executionId: execution.execution_id,
    intent,
    tenantId,
    sessionId: execution.session_id,
    solutionId: intent.solution_id,
    input: attempt.input,
    outputs: attempt.outputs,
    attempt: attempt.attempt,
    key: `${execution.execution_id}/${node.name}`,
    deadline: () => Math.max(0, startedMs + node.timeoutMs - clock.now()),
    signal,
    state: unit,
    artifacts: createArtifactScope({
      unit,
      bytes: deps.bytes,
      producer: { intentType: execution.intent_type, executionId: execution.execution_id },
      nowMs: () => clock.now(),
    }),
    emit: (type, data) => void events.push({ type, data }),
    logger,
    trace: { traceId: execution.trace_id },
    ids: deps.ids,
    now: () => clock.now(),
  };

  const finished = new AbortController();
  try {
    const timedOut = clock.sleep(node.timeoutMs, AbortSignal.any([finished.signal, attempt.stopping])).then(() => {
      const error = stepTimedOut(node);
      over.abort(error);
      throw error;
    });
    const output = await Promise.race([invoke(node, context), timedOut]);
    return { kind: "done", output: toJson(output), unit, events };
  } catch (error) {
    if (attempt.stopping.aborted) return { kind: "stopped" };
    if (!(error instanceof RuntimeError)) logger.error("a step failed unexpectedly", errorFields(error));
    return { kind: "failed", failure: failureOf(error, node.name) };
  } finally {
    finished.abort();
  }
}

/** A plan's builder has checked that the step fits this context; the plan itself, being a list, has forgotten it. */
async function invoke(
  node: StepNode,
  context: StepContext<JsonObject, Readonly<Record<string, JsonValue>>>,
): Promise<unknown> {
  return node.run(context as StepContext<never, never>);
}

function stepTimedOut(node: StepNode): RuntimeError {
  return new RuntimeError("step.timed_out", `The step ${node.name} took longer than ${node.timeoutMs} ms.`, {
    status: 504,
  });
}
