import { rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { EventId } from "../ids.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import type { Random } from "../random.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { Task } from "./agenda.ts";
import type { ChildResult } from "./children.ts";
import { becomeDead, type SettleDeps } from "./ending.ts";
import type { Failure, Step } from "./execution.ts";
import { failureOf } from "./failure.ts";
import { failStep } from "./fail-step.ts";
import type { Scene } from "./scene.ts";
import { checkChange, checkEvents } from "./step-limits.ts";
import type { AttemptResult } from "./step-runner.ts";
import { isStoreAway, storeWaitMs } from "./store-away.ts";

type WaitDeps = SettleDeps & { readonly random: Random };
type Finished = Exclude<AttemptResult | ChildResult, { readonly kind: "stopped" }>;

/** Records what came of a task; what follows from it is settled next, and committed together with it. */
export async function recordResult(
  deps: WaitDeps,
  scene: Scene,
  task: Task,
  result: Finished,
  base: UnitOfWork | undefined,
): Promise<void> {
  const { step } = task;
  const attempt =
    task.kind === "undo" ? (step.undo_attempts ?? 0) + 1 : step.attempt + scene.journal.epoch - step.epoch;
  switch (result.kind) {
    case "done": {
      const refusal = refusalOf(scene, result, step.step_name);
      if (refusal !== undefined) return recordRefusal(deps, scene, task, attempt, failureOf(refusal, step.step_name));
      const parked = task.kind === "undo" ? undefined : await parkOutput(scene, task, result.output);
      if (isStoreAway(parked)) return recordWait(deps, scene, task, attempt, failureOf(parked, step.step_name));
      const told = parked === undefined ? [] : await tellingOf(deps, scene, result);
      if (base !== undefined && "unit" in result) base.absorb(result.unit);
      if (parked === undefined) return recordUndone(scene, step, result);
      return recordDone(scene, step, result, { attempt, outputs: parked.outputs }, told);
    }
    case "store_away":
      return recordWait(deps, scene, task, attempt, result.failure);
    case "failed":
      if (result.retryAfterMs !== undefined) {
        const dueMs = deps.clock.now() + result.retryAfterMs;
        return recordRetry(scene, task, { attempt, error: result.failure, dueMs });
      }
      if (result.decisions !== undefined) scene.journal.record(...result.decisions);
      if (task.kind === "undo") return becomeDead(deps, scene, result.failure);
      return failStep(deps, scene, step, result.failure, attempt);
    case "child_waits":
      scene.awaited.add(step.step_name);
      return;
    case "child_over":
      scene.journal.record({
        event_type: "step_compensated",
        step_name: step.step_name,
        payload: { step_id: step.step_id },
      });
  }
}

/** On every store, so that an intent does not work on one and fail on another. */
function fastChangesRecords(step: string): RuntimeError {
  return new RuntimeError(
    "durability.fast_changes_records",
    `The step ${step} changes records (artifacts or state), which a fast intent cannot: declare the intent strict.`,
  );
}

/** Why a result can never be recorded, on any store. */
function refusalOf({ journal, state, definition }: Scene, result: Done, step: string): RuntimeError | undefined {
  const changesRecords = "unit" in result && result.unit.size > 0;
  if (definition.durability === "fast" && changesRecords) return fastChangesRecords(step);
  try {
    if ("unit" in result) checkChange(result.unit, journal, state);
    if ("events" in result) checkEvents(result.events);
    return undefined;
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
}

/** What was done cannot be told, and to do it again would not help. */
async function recordRefusal(
  deps: SettleDeps,
  scene: Scene,
  { kind, step }: Task,
  attempt: number,
  failure: Failure,
): Promise<void> {
  if (kind === "undo") becomeDead(deps, scene, failure);
  else await failStep(deps, scene, step, failure, attempt);
}

/** The output as it is recorded; or that the store for large ones is away, where the step may run again. */
async function parkOutput(
  scene: Scene,
  { kind, step }: Task,
  output: JsonValue,
): Promise<{ readonly outputs: JsonValue } | RuntimeError> {
  try {
    return { outputs: await scene.claimCheck.park(scene.journal.owner.tenantId, output) };
  } catch (error) {
    const mayRunAgain = kind === "run" && scene.workOf(step)?.semantics !== "at-most-once";
    // What must not run again to have its result stored is given up whole, and taken up again.
    if (!isStoreAway(error) || !mayRunAgain) throw error;
    return error;
  }
}

type Done = Extract<Finished, { readonly kind: "done" }>;

interface Told {
  readonly event_id: EventId;
  readonly event_type: string;
  readonly data: JsonObject;
}

/** The events of a step as they are recorded and published. */
function tellingOf({ ids }: SettleDeps, scene: Scene, result: Done): Promise<readonly Told[]> | readonly Told[] {
  const events = "events" in result ? result.events : [];
  if (events.length === 0) return [];
  const { tenantId } = scene.journal.owner;
  return Promise.all(
    events.map(async ({ type, data }) => ({
      event_id: ids.event(),
      event_type: type,
      data: await scene.claimCheck.seal(tenantId, toJson(data) as JsonObject),
    })),
  );
}

function recordDone(
  scene: Scene,
  step: Step,
  result: Done,
  recorded: { readonly attempt: number; readonly outputs: JsonValue },
  told: readonly Told[],
): void {
  const { journal } = scene;
  if ("unit" in result) journal.absorb(result.unit);
  for (const { event_id, event_type, data } of told) journal.publish(event_id, event_type, data);
  journal.record({
    event_type: "step_completed",
    step_name: step.step_name,
    payload: {
      step_id: step.step_id,
      ...recorded,
      events: told.map((event) => ({ ...event, data: { ...event.data } })),
    },
  });
  scene.keep(step.step_name, result.output);
}

function recordUndone(scene: Scene, step: Step, result: Done): void {
  if ("unit" in result) scene.journal.absorb(result.unit);
  scene.journal.record({
    event_type: "step_compensated",
    step_name: step.step_name,
    payload: { step_id: step.step_id },
  });
}

/** The step waits for a store that cannot be reached, and none of its attempts is used up. */
function recordWait(deps: WaitDeps, scene: Scene, task: Task, attempt: number, error: Failure): void {
  const waits = (task.step.store_waits ?? 0) + 1;
  const dueMs = deps.clock.now() + storeWaitMs(waits, deps.random.fraction());
  // As many attempts as there were: of an undo those that failed, of a step the one that comes.
  recordRetry(scene, task, { attempt: attempt - 1, error, dueMs, waits });
}

interface Retry {
  readonly attempt: number;
  readonly error: Failure;
  readonly dueMs: number;
  readonly waits?: number;
}

function recordRetry(scene: Scene, task: Task, { attempt, error, dueMs, waits }: Retry): void {
  const undo = task.kind === "undo";
  scene.journal.record({
    event_type: "step_retry_scheduled",
    step_name: task.step.step_name,
    payload: {
      step_id: task.step.step_id,
      // An undo counts the attempts that failed, a step the attempt that comes.
      attempt: undo ? attempt : attempt + 1,
      epoch: scene.journal.epoch,
      due_at: rfc3339(dueMs),
      error,
      undo,
      ...(waits === undefined ? {} : { store_waits: waits }),
    },
  });
}
