import { moveArtifact } from "../artifacts/artifact-changes.ts";
import { rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import { trustedTenantId } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { movePendingIntent } from "../intents/pending-intent.ts";
import { digestOf, type JsonObject, type JsonValue, toJson } from "../json.ts";
import type { ExecutionStore, OutboxMessage } from "../ports/execution-store.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { EmittedEvent } from "../sagas/step-context.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import { cloudEvent } from "../state/cloud-event.ts";
import type { ChainOwner, LogDraft } from "../state/log-entry.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { advance } from "./advance.ts";
import type { Execution, Failure, Step } from "./execution.ts";
import type { ExecutionDraft } from "./execution-events.ts";
import { contended, failureOf, noHandler, otherVersion, workerKiller } from "./failure.ts";
import { stepStarted } from "./opening.ts";
import { runStep, type StepRunnerDeps } from "./step-runner.ts";
import type { LoadedExecution } from "./stored-execution.ts";

/** How often one step may be begun anew after its worker died, before it counts as what kills workers. */
const MAX_STEP_CLAIMS = 10;
/** How often a commit is prepared again when a record that it changes was changed by another. */
const MAX_CONFLICTS = 5;

export interface RunnerDeps extends StepRunnerDeps {
  readonly store: ExecutionStore;
  readonly catalog: IntentCatalog;
  readonly claimCheck: ClaimCheck;
  /** Called after each commit: with the new state, and whether it left messages in the outbox. */
  readonly onCommit: (state: Execution, messages: boolean) => void;
}

/** How the process wants to stop: `draining` between steps, `stopping` at once. */
export interface StopSignals {
  readonly draining: AbortSignal;
  readonly stopping: AbortSignal;
}

/**
 * Runs an execution that this worker holds, from its first unfinished step to its end.
 *  E1  The commit that records step k also records the start of step k+1; completion rides on the last: n steps, n+1 commits.
 *  E2  A step's result, records, log entries and events are one commit under the worker's epoch.
 *  E3  Fenced means silent: the worker stops and writes nothing more.
 *  E4  Whatever it registered as PENDING becomes FAILED in the very commit that fails the execution.
 * Resolves to the last state that this worker committed; it is terminal unless the worker was fenced or told to stop.
 */
export async function runExecution(deps: RunnerDeps, held: LoadedExecution, stop: StopSignals): Promise<Execution> {
  const run = new Run(deps, held, stop);
  return run.toEnd();
}

class Run {
  readonly #deps: RunnerDeps;
  readonly #intent: Intent;
  readonly #epoch: number;
  readonly #stop: StopSignals;
  readonly #owner: ChainOwner & Required<Pick<ChainOwner, "executionId">>;
  /** Entries that ride on this worker's next commit. */
  #carried: readonly ExecutionDraft[];
  #state: Execution;
  #fenced = false;

  constructor(deps: RunnerDeps, held: LoadedExecution, stop: StopSignals) {
    this.#deps = deps;
    this.#intent = held.intent;
    this.#epoch = held.epoch;
    this.#stop = stop;
    this.#state = held.state;
    this.#owner = {
      tenantId: trustedTenantId(held.state.tenant_id),
      sessionId: held.state.session_id,
      executionId: held.state.execution_id,
      sagaId: held.state.saga_id,
      traceId: held.state.trace_id,
    };
    const payload = { execution_id: held.state.execution_id, epoch: held.epoch };
    this.#carried = held.epoch === 1 ? [] : [{ event_type: "execution_resumed", payload }];
  }

  async toEnd(): Promise<Execution> {
    const definition = this.#deps.catalog.find(this.#state.intent_type);
    if (definition === undefined) return this.#fail(noHandler(this.#state.intent_type));
    if (definition.version !== this.#state.intent_version)
      return this.#fail(otherVersion(this.#state, definition.version));
    const outputs: Record<string, JsonValue> = {};
    for (const step of this.#state.steps) {
      if (step.status === "completed") outputs[step.step_name] = await this.#redeem(step.outputs ?? null);
    }
    const input = definition.input.parse(await this.#redeem(this.#intent.parameters));
    while (this.#state.status === "running" && !this.#fenced && !this.#stop.draining.aborted) {
      const stopped = await this.#oneStep(definition, input, outputs);
      if (stopped) break;
    }
    return this.#state;
  }

  /** Runs the step that is recorded as started, and commits what came of it. Returns whether the process must end. */
  async #oneStep(
    definition: IntentDefinition,
    input: JsonObject,
    outputs: Record<string, JsonValue>,
  ): Promise<boolean> {
    const position = this.#state.steps.length - 1;
    const step = this.#state.steps[position];
    const node = definition.plan.nodes[position];
    if (step === undefined || node?.name !== step.step_name) {
      await this.#fail(
        failureOf(new RuntimeError("plan.mismatch", "The plan does not have the step that was started.")),
      );
      return false;
    }
    const attempt = step.attempt + this.#epoch - step.epoch;
    if (attempt > MAX_STEP_CLAIMS) {
      await this.#fail(workerKiller(node.name, attempt), { step, attempt });
      return false;
    }
    for (let conflicts = 0; ; conflicts += 1) {
      const result = await runStep(this.#deps, {
        node,
        tenantId: this.#owner.tenantId,
        execution: this.#state,
        intent: this.#intent,
        input,
        outputs: { ...outputs },
        attempt,
        stopping: this.#stop.stopping,
      });
      if (result.kind === "stopped") return true;
      if (result.kind === "failed") {
        await this.#fail(result.failure, { step, attempt });
        return false;
      }
      const parked = await this.#deps.claimCheck.park(this.#owner.tenantId, result.output);
      const events = result.events.map((event) => ({ eventId: this.#deps.ids.event(), event }));
      const completed: ExecutionDraft = {
        event_type: "step_completed",
        step_name: node.name,
        payload: {
          step_id: step.step_id,
          attempt,
          outputs: toJson(parked),
          events: events.map(({ eventId, event }) => eventRecord(eventId, event)),
        },
      };
      const next = definition.plan.nodes[position + 1];
      const following =
        next === undefined
          ? await this.#ending(definition, input, { ...outputs, [node.name]: result.output }, result)
          : {
              drafts: [
                stepStarted(
                  { step_id: this.#deps.ids.step(), step_name: next.name },
                  digestOf([step.inputs_digest, digestOf(result.output)]),
                  this.#epoch,
                ),
              ],
              failure: undefined,
            };
      if (following.failure !== undefined) {
        await this.#fail(following.failure, { step, attempt });
        return false;
      }
      const emitted = events.map(({ eventId, event }) => this.#message(eventId, event.type, event.data));
      if (next === undefined) await this.#settlePendingIntent(result.unit, "completed");
      const outcome = await this.#commit([...result.unit.drafts, completed, ...following.drafts], result.unit, emitted);
      if (outcome !== "conflict") {
        outputs[node.name] = result.output;
        return false;
      }
      if (conflicts === MAX_CONFLICTS) {
        await this.#fail(failureOf(contended(node.name), node.name), { step, attempt });
        return false;
      }
    }
  }

  /** The drafts that complete the execution, or why its own result cannot be. */
  async #ending(
    definition: IntentDefinition,
    input: JsonObject,
    outputs: Record<string, JsonValue>,
    last: { readonly unit: UnitOfWork; readonly events: readonly EmittedEvent[] },
  ): Promise<{ readonly drafts: readonly ExecutionDraft[]; readonly failure: Failure | undefined }> {
    try {
      const result = definition.result({ input, outputs } as never);
      const output = await this.#deps.claimCheck.park(this.#owner.tenantId, definition.output.parse(toJson(result)));
      const events = this.#state.steps.reduce((count, step) => count + (step.events?.length ?? 0), last.events.length);
      const touched = last.unit.drafts.map((draft) => draft.payload["artifact_id"]).filter((id) => id !== undefined);
      const artifacts = new Set([
        ...this.#state.artifacts.map((artifact) => artifact.artifact_id as string),
        ...touched,
      ]);
      const payload = {
        execution_id: this.#state.execution_id,
        intent_id: this.#state.intent_id,
        artifacts_count: artifacts.size,
        events_count: events,
        output,
      };
      return { drafts: [{ event_type: "execution_completed", payload }], failure: undefined };
    } catch (error) {
      this.#deps.logger.error("an intent's result does not have the shape that it declares", { error: String(error) });
      return { drafts: [], failure: failureOf(error) };
    }
  }

  async #fail(failure: Failure, at?: { readonly step: Step; readonly attempt: number }): Promise<Execution> {
    for (let conflicts = 0; conflicts <= MAX_CONFLICTS; conflicts += 1) {
      const unit = new UnitOfWork(this.#deps.surface, this.#owner.tenantId, this.#deps.clock.now());
      const reason = { code: failure.code, message: failure.message };
      for (const artifact of this.#state.artifacts) {
        if (artifact.lifecycle_state !== "PENDING") continue;
        await moveArtifact(unit, artifact.artifact_id, "FAILED", this.#now(), { failure: reason });
      }
      await this.#settlePendingIntent(unit, "failed");
      const drafts: LogDraft[] = [];
      if (at !== undefined) {
        const { step, attempt } = at;
        const payload = { step_id: step.step_id, attempt, error: failure };
        drafts.push({ event_type: "step_failed", step_name: step.step_name, payload });
      }
      const { execution_id, intent_id } = this.#state;
      drafts.push(...unit.drafts, {
        event_type: "execution_failed",
        payload: { execution_id, intent_id, error: failure },
      });
      if ((await this.#commit(drafts, unit, [])) !== "conflict") return this.#state;
    }
    throw contended("fail");
  }

  async #settlePendingIntent(unit: UnitOfWork, to: "completed" | "failed"): Promise<void> {
    const id = this.#intent.pending_intent_id;
    if (id !== undefined) await movePendingIntent(unit, id, to, { now: this.#now() });
  }

  async #commit(
    drafts: readonly LogDraft[],
    unit: UnitOfWork,
    messages: readonly OutboxMessage[],
  ): Promise<"committed" | "conflict" | "fenced"> {
    const advanced = advance(this.#deps, this.#owner, this.#state, [...this.#carried, ...drafts]);
    const outbox = advanced.patch.terminal ? [...messages, this.#ended(advanced.state)] : messages;
    const { outcome } = await this.#deps.store.commit({
      tenantId: this.#owner.tenantId,
      executionId: this.#owner.executionId,
      epoch: this.#epoch,
      state: advanced.patch,
      change: { records: unit.records, log: advanced.rows, outbox },
    });
    if (outcome === "fenced") this.#fenced = true;
    if (outcome === "committed") {
      this.#state = advanced.state;
      this.#carried = [];
      this.#deps.onCommit(advanced.state, outbox.length > 0);
    }
    return outcome;
  }

  /** The event that tells how an execution ended. */
  #ended(state: Execution): OutboxMessage {
    const { execution_id, intent_id, intent_type, status, error } = state;
    const data = { execution_id, intent_id, intent_type, status, ...(error === undefined ? {} : { error }) };
    return this.#message(this.#deps.ids.event(), `execution_${status}`, data);
  }

  #message(eventId: OutboxMessage["eventId"], type: string, data: JsonObject): OutboxMessage {
    const source = { ...this.#owner, intentType: this.#state.intent_type };
    return cloudEvent(source, eventId, type, data, this.#deps.clock.now());
  }

  #redeem(parked: JsonValue): Promise<JsonValue> {
    return this.#deps.claimCheck.redeem(this.#owner.tenantId, parked);
  }

  #now(): string {
    return rfc3339(this.#deps.clock.now());
  }
}

function eventRecord(eventId: string, event: EmittedEvent): { event_id: string; event_type: string; data: never } {
  return { event_id: eventId, event_type: event.type, data: toJson(event.data) as never };
}
