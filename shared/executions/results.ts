import { rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import type { Random } from "../random.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { Task } from "./agenda.ts";
import type { ChildResult } from "./children.ts";
import { becomeDead, type SettleDeps } from "./ending.ts";
import type { Failure, Step } from "./execution.ts";
import { failureOf } from "./failure.ts";
import { failStep } from "./fail-step.ts";
import { type ParkedEvent, parkEvent, publishEvents } from "./parked-events.ts";
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
      const parked = task.kind === "undo" ? undefined : await park(deps, scene, task, result);
      if (isStoreAway(parked)) return recordWait(deps, scene, task, attempt, failureOf(parked, step.step_name));
      if (base !== undefined && "unit" in result) base.absorb(result.unit);
      if (parked === undefined) return recordUndone(scene, step, result);
      return recordDone(scene, step, result, attempt, parked);
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

type Done = Extract<Finished, { readonly kind: "done" }>;

/** What a step leaves, as it is recorded: large parts of it lie in the object store. */
interface Parked {
  readonly outputs: JsonValue;
  readonly events: readonly ParkedEvent[];
}

/** Parks what a step leaves; or answers that the store for large parts is away, where the step may run again. */
async function park(
  { ids }: SettleDeps,
  scene: Scene,
  { kind, step }: Task,
  result: Done,
): Promise<Parked | RuntimeError> {
  const { claimCheck, journal } = scene;
  const { tenantId } = journal.owner;
  const emitted = "events" in result ? result.events : [];
  try {
    const outputs = await claimCheck.park(tenantId, result.output);
    if (emitted.length === 0) return { outputs, events: [] };
    const events = await Promise.all(emitted.map((event) => parkEvent(scene, ids.event(), event)));
    return { outputs, events };
  } catch (error) {
    const mayRunAgain = kind === "run" && scene.workOf(step)?.semantics !== "at-most-once";
    // What must not run again to have its result stored is given up whole, and taken up again.
    if (!isStoreAway(error) || !mayRunAgain) throw error;
    return error;
  }
}

function recordDone(scene: Scene, step: Step, result: Done, attempt: number, { outputs, events }: Parked): void {
  const { journal } = scene;
  if ("unit" in result) journal.absorb(result.unit);
  publishEvents(scene, events);
  journal.record({
    event_type: "step_completed",
    step_name: step.step_name,
    payload: { step_id: step.step_id, attempt, outputs, events: [...events] },
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
