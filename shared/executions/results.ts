import { rfc3339 } from "../clock.ts";
import { RuntimeError } from "../errors.ts";
import { type JsonObject, toJson } from "../json.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { Task } from "./agenda.ts";
import type { ChildResult } from "./children.ts";
import { becomeDead, type SettleDeps } from "./ending.ts";
import type { Failure, Step } from "./execution.ts";
import { failureOf } from "./failure.ts";
import { failStep } from "./fail-step.ts";
import type { Scene } from "./scene.ts";
import type { AttemptResult } from "./step-runner.ts";

type Finished = Exclude<AttemptResult | ChildResult, { readonly kind: "stopped" }>;

/** Records what came of a task; what follows from it is settled next, and committed together with it. */
export async function recordResult(
  deps: SettleDeps,
  scene: Scene,
  task: Task,
  result: Finished,
  base: UnitOfWork | undefined,
): Promise<void> {
  const { step } = task;
  const attempt =
    task.kind === "undo" ? (step.undo_attempts ?? 0) + 1 : step.attempt + scene.journal.epoch - step.epoch;
  switch (result.kind) {
    case "done":
      if (scene.definition.durability === "fast" && "unit" in result && result.unit.records.length > 0) {
        return failStep(deps, scene, step, failureOf(fastChangesRecords(step.step_name), step.step_name), attempt);
      }
      if (base !== undefined && "unit" in result) base.absorb(result.unit);
      return task.kind === "undo" ? recordUndone(scene, step, result) : recordDone(deps, scene, step, attempt, result);
    case "failed":
      if (result.retryAfterMs !== undefined) {
        const dueMs = deps.clock.now() + result.retryAfterMs;
        return recordRetry(scene, task, { attempt, error: result.failure, dueMs });
      }
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

type Done = Extract<Finished, { readonly kind: "done" }>;

async function recordDone(deps: SettleDeps, scene: Scene, step: Step, attempt: number, result: Done): Promise<void> {
  const { journal, claimCheck } = scene;
  const outputs = await claimCheck.park(journal.owner.tenantId, result.output);
  if ("unit" in result) journal.absorb(result.unit);
  const events = "events" in result ? result.events : [];
  const told = events.map(({ type, data }) => ({
    event_id: deps.ids.event(),
    event_type: type,
    data: toJson(data) as JsonObject,
  }));
  for (const { event_id, event_type, data } of told) journal.publish(event_id, event_type, data);
  journal.record({
    event_type: "step_completed",
    step_name: step.step_name,
    payload: {
      step_id: step.step_id,
      attempt,
      outputs,
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

interface Retry {
  readonly attempt: number;
  readonly error: Failure;
  readonly dueMs: number;
}

function recordRetry(scene: Scene, task: Task, { attempt, error, dueMs }: Retry): void {
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
    },
  });
}
