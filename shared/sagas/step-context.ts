import type { ArtifactScope } from "../artifacts/artifact-scope.ts";
import type { TableScope } from "../artifacts/table-scope.ts";
import type { ExecutionId, Ids, SessionId, TenantId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import type { JsonObject } from "../json.ts";
import type { Logger } from "../logger.ts";
import type { EffectScope } from "./effect-ledger.ts";
import type { StewardScope } from "../steward/steward-scope.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { SemanticScope } from "../semantic/semantic-scope.ts";
import type { TraceContext } from "../trace.ts";

/** An event that a step wants told: committed with the step's result, published after. */
export interface EmittedEvent {
  readonly type: string;
  readonly data: JsonObject;
}

/** What a step works with. Everything it changes through `state`, `artifacts` and `emit` is committed with its result, or not at all. */
export interface StepContext<Input, Outputs> {
  readonly executionId: ExecutionId;
  readonly intent: Intent;
  readonly tenantId: TenantId;
  readonly sessionId: SessionId;
  readonly solutionId: string | undefined;
  /** The validated parameters of the intent. */
  readonly input: Input;
  /** What the steps before this one returned, by their names. */
  readonly outputs: Outputs;
  /** 1 on the first run of this step, more after a crash or a retry. */
  readonly attempt: number;
  /** `<execution_id>/<step>`: the same for every attempt, for use as an idempotency key with others. */
  readonly key: string;
  /** Milliseconds that this attempt has left. */
  deadline(): number;
  /** Aborts when the step's time is over or the process must end. */
  readonly signal: AbortSignal;
  readonly state: UnitOfWork;
  readonly artifacts: ArtifactScope;
  /** Parsed data as tables: SQL and rows. */
  readonly tables: TableScope;
  /** What parsed data means: embeddings and entities, and search among them. */
  readonly semantic: SemanticScope;
  /** The data steward: files, contracts, parsed data, governance. */
  readonly steward: StewardScope;
  /** Effects in our own stores, applied under this step's key outside the commit, and undone or refused by it. */
  readonly effects: EffectScope;
  emit(type: string, data: JsonObject): void;
  readonly logger: Logger;
  readonly trace: TraceContext;
  readonly ids: Ids;
  /** Epoch milliseconds. */
  now(): number;
}

/** What an undo works with: the step's context, and what is known of what it did. */
export interface UndoContext<Input, Outputs, Output> extends StepContext<Input, Outputs> {
  /** What the step returned; undefined when it was begun and its result was never recorded. */
  readonly output: Output | undefined;
}
