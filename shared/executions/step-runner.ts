import type { ArtifactBytes } from "../artifacts/artifact-bytes.ts";
import { createArtifactScope } from "../artifacts/artifact-scope.ts";
import { createTableScope } from "../artifacts/table-scope.ts";
import type { Clock } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { Ids, TenantId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { ModelProvider } from "../ports/model-provider.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { GraphStore } from "../ports/graph-store.ts";
import type { RecordStore } from "../ports/record-store.ts";
import type { TableEngine } from "../ports/table-engine.ts";
import type { Random } from "../random.ts";
import { createEffectScope } from "../sagas/effect-ledger.ts";
import { retryAfterMs, type RetryPolicy } from "../sagas/retry-policy.ts";
import type { EmittedEvent, UndoContext } from "../sagas/step-context.ts";
import { SemanticScope } from "../semantic/semantic-scope.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { StewardScope } from "../steward/steward-scope.ts";
import type { SubjectBox } from "../state/subject-box.ts";
import type { LogDraft } from "../state/log-entry.ts";
import type { Subjects } from "../state/subjects.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import type { GuestSteps } from "../wasm/guest-steps.ts";
import { AttemptLimits, type Limits } from "./attempt-limits.ts";
import type { Execution, Failure } from "./execution.ts";
import { failureOf, wordlessFailureOf } from "./failure.ts";
import { isStoreAway } from "./store-away.ts";

export interface StepRunnerDeps {
  readonly store: ExecutionStore;
  readonly surface: StateSurface;
  readonly bytes: ArtifactBytes;
  readonly subjects: Subjects;
  readonly tables: TableEngine;
  readonly guestSteps: GuestSteps;
  readonly records: RecordStore;
  readonly graph: GraphStore;
  readonly models: ModelProvider;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly logger: Logger;
}

/** The context of a step or an undo, whose types the plan's builder has checked. */
export type ErasedContext = UndoContext<JsonObject, Readonly<Record<string, JsonValue>>, JsonValue>;

export interface Attempt extends Limits {
  readonly call: (ctx: ErasedContext) => unknown;
  readonly retry: RetryPolicy;
  readonly tenantId: TenantId;
  readonly execution: Execution;
  readonly intent: Intent;
  readonly input: JsonObject;
  readonly outputs: Readonly<Record<string, JsonValue>>;
  /** What the step returned, for its undo. */
  readonly output?: JsonValue | undefined;
  readonly attempt: number;
  /** Whether it may run again however often, so that it can wait for a store that cannot be reached. */
  readonly patient: boolean;
  /** Where a step that is committed together with others finds what they changed. */
  readonly base?: UnitOfWork | undefined;
}

export type AttemptResult =
  | {
      readonly kind: "done";
      readonly output: JsonValue;
      readonly unit: UnitOfWork;
      readonly events: readonly EmittedEvent[];
    }
  /** `retryAfterMs` is absent when another attempt would not help, or was the last. */
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      readonly retryAfterMs: number | undefined;
      /** Policies that were decided upon, maybe what it failed of: they are logged all the same. */
      readonly decisions?: readonly LogDraft[];
    }
  /** A store of ours could not be reached: the attempt does not count, and is made again. */
  | { readonly kind: "store_away"; readonly failure: Failure }
  /** The process must end: there is no result, and another worker will run it again. */
  | { readonly kind: "stopped" };

/** Runs one attempt within its time. What it wants changed comes back in a unit of work; nothing of it is written here. */
export async function runAttempt(deps: StepRunnerDeps, attempt: Attempt): Promise<AttemptResult> {
  const { subject_id: subjectId } = attempt.intent;
  // An erased subject ends the execution, and not the step: what the execution kept cannot be undone either.
  const box = subjectId === undefined ? undefined : await deps.subjects.open(attempt.tenantId, subjectId);
  const unit = new UnitOfWork(deps.surface, attempt.tenantId, deps.clock.now(), attempt.base);
  const limits = new AttemptLimits(deps.clock, attempt);
  const context = new AttemptContext(deps, attempt, unit, limits, box);
  const tell = box === undefined ? failureOf : wordlessFailureOf;
  try {
    const returned = attempt.call(context);
    const output = isThenable(returned) ? await Promise.race([returned, limits.reached()]) : returned;
    return { kind: "done", output: toJson(output), unit, events: context.events };
  } catch (error) {
    if (attempt.stopping.aborted) return { kind: "stopped" };
    if (!(error instanceof RuntimeError) && box === undefined)
      context.logger.error("a step failed unexpectedly", errorFields(error));
    if (attempt.patient && isStoreAway(error)) {
      return { kind: "store_away", failure: tell(error, attempt.stepName) };
    }
    const again = retryAfterMs(attempt.retry, attempt.attempt, error, deps.random.fraction());
    const decisions = unit.drafts.filter(({ event_type }) => event_type === "policy_decided");
    const failed = { kind: "failed", failure: tell(error, attempt.stepName), retryAfterMs: again } as const;
    return decisions.length === 0 ? failed : { ...failed, decisions };
  } finally {
    limits.end();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** What a step works with. Parts that many steps never touch are made when they are first asked for. */
class AttemptContext implements ErasedContext {
  readonly executionId: ErasedContext["executionId"];
  readonly intent: Intent;
  readonly tenantId: TenantId;
  readonly sessionId: ErasedContext["sessionId"];
  readonly solutionId: string | undefined;
  readonly input: JsonObject;
  readonly outputs: Readonly<Record<string, JsonValue>>;
  readonly output: JsonValue | undefined;
  readonly attempt: number;
  readonly key: string;
  readonly state: UnitOfWork;
  readonly trace: ErasedContext["trace"];
  readonly ids: Ids;
  readonly now: () => number;
  readonly events: EmittedEvent[] = [];
  readonly #deps: StepRunnerDeps;
  readonly #attempt: Attempt;
  readonly #limits: AttemptLimits;
  readonly #startedMs: number;
  readonly #box: SubjectBox | undefined;
  #artifacts: ErasedContext["artifacts"] | undefined;
  #tables: ErasedContext["tables"] | undefined;
  #semantic: SemanticScope | undefined;
  #steward: StewardScope | undefined;
  #effects: ErasedContext["effects"] | undefined;
  #logger: Logger | undefined;

  constructor(
    deps: StepRunnerDeps,
    attempt: Attempt,
    unit: UnitOfWork,
    limits: AttemptLimits,
    box: SubjectBox | undefined,
  ) {
    this.#box = box;
    const { execution, intent } = attempt;
    this.#deps = deps;
    this.#attempt = attempt;
    this.#limits = limits;
    this.#startedMs = deps.clock.now();
    this.executionId = execution.execution_id;
    this.intent = intent;
    this.tenantId = attempt.tenantId;
    this.sessionId = execution.session_id;
    this.solutionId = intent.solution_id;
    this.input = attempt.input;
    this.outputs = attempt.outputs;
    this.output = attempt.output;
    this.attempt = attempt.attempt;
    this.key = `${execution.execution_id}/${attempt.stepName}`;
    this.state = unit;
    this.trace = { traceId: execution.trace_id };
    this.ids = deps.ids;
    this.now = () => deps.clock.now();
  }

  // Functions of the instance, so that a step may take them out of its context.
  readonly deadline = (): number => Math.max(0, this.#startedMs + this.#attempt.timeoutMs - this.#deps.clock.now());

  readonly emit = (type: string, data: JsonObject): void => void this.events.push({ type, data: toJson(data) });

  get signal(): AbortSignal {
    return this.#limits.signal;
  }

  get artifacts(): ErasedContext["artifacts"] {
    const { execution_id: executionId, intent_type: intentType } = this.#attempt.execution;
    this.#artifacts ??= createArtifactScope({
      unit: this.state,
      bytes: this.#deps.bytes,
      box: this.#box,
      producer: { intentType, executionId },
      nowMs: this.now,
      decide: (artifactType) => this.steward.materialization.decide(artifactType, this.solutionId),
    });
    return this.#artifacts;
  }

  get tables(): ErasedContext["tables"] {
    this.#tables ??= createTableScope({
      tables: this.#deps.tables,
      tenantId: this.tenantId,
      signal: this.signal,
      deadlineMs: this.deadline,
    });
    return this.#tables;
  }

  get semantic(): SemanticScope {
    const { graph, models } = this.#deps;
    const { tenantId, key, signal } = this;
    this.#semantic ??= new SemanticScope({ graph, models, tenantId, key, signal, nowMs: this.now });
    return this.#semantic;
  }

  get steward(): StewardScope {
    const { records, graph, surface } = this.#deps;
    const { user_id: userId, roles = [] } = this.intent;
    const caller = { userId, roles };
    this.#steward ??= new StewardScope({
      records,
      graph,
      surface,
      unit: this.state,
      key: this.key,
      caller,
      nowMs: this.now,
    });
    return this.#steward;
  }

  get effects(): ErasedContext["effects"] {
    const { store, surface } = this.#deps;
    this.#effects ??= createEffectScope({ store, surface, nowMs: this.now }, this.tenantId, this.key);
    return this.#effects;
  }

  get logger(): Logger {
    const { execution_id, intent_type, trace_id } = this.#attempt.execution;
    this.#logger ??= this.#deps.logger.with({
      tenant_id: this.tenantId,
      execution_id,
      intent_type,
      step: this.#attempt.stepName,
      trace_id,
    });
    return this.#logger;
  }
}
