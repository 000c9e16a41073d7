import { moveArtifact } from "../artifacts/artifact-changes.ts";
import { artifactKind } from "../artifacts/artifact.ts";
import { type Clock, rfc3339 } from "../clock.ts";
import type { Ids } from "../ids.ts";
import type { Intent } from "../intents/intent.ts";
import { movePendingIntent, newPendingIntent, pendingIntentKind } from "../intents/pending-intent.ts";
import { type JsonObject, type JsonValue, toJson } from "../json.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { StateSurface } from "../state/state-surface.ts";
import { UnitOfWork } from "../state/unit-of-work.ts";
import { type Agenda, MORE } from "./agenda.ts";
import type { Execution, Failure, Step } from "./execution.ts";
import { failureOf } from "./failure.ts";
import type { Scene } from "./scene.ts";

/** How many artifacts one commit fails: with the records that go along, a third of what it takes. */
const FAILED_AT_ONCE = 50;

export interface SettleDeps {
  readonly surface: StateSurface;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly intent: Intent;
}

/** How many steps the question of a dead execution tells of: it is a record, whose size stores bound. */
const MAX_STEPS_SHOWN = 200;

/** The intent type of the pending intent that a dead execution becomes: to take it up is to let the execution go on. */
export const REVIVE_EXECUTION = "runtime.revive_execution";

/** Records the end of a saga all of whose nodes are done; a result of the wrong shape is a failure. */
export async function complete(deps: SettleDeps, scene: Scene): Promise<undefined> {
  const { journal, definition } = scene;
  let result: JsonValue;
  try {
    result = toJson(definition.output.parse(toJson(definition.result(scene.view))));
  } catch (cause) {
    deps.logger.error(
      "the result of an intent does not have the shape that it declares",
      deps.intent.subject_id === undefined ? errorFields(cause) : {},
    );
    return endWithoutResult(deps, scene, failureOf(cause));
  }
  // What throws from here on is a store's: the execution is given up, and taken up again.
  const output = await scene.claimCheck.park(journal.owner.tenantId, result);
  const unit = newUnit(deps, scene);
  await settlePendingIntent(deps, unit, scene, "completed");
  journal.absorb(unit);
  const { execution_id, intent_id, artifacts, steps } = journal.state;
  journal.record({
    event_type: "execution_completed",
    payload: {
      execution_id,
      intent_id,
      artifacts_count: artifacts.length,
      events_count: steps.reduce((count, step) => count + (step.events?.length ?? 0), 0),
      output,
    },
  });
}

/** Records that the saga fails though no step did: it turns back, ends as there is nothing to undo, or waits for a person past a pivot. */
export async function endWithoutResult(deps: SettleDeps, scene: Scene, error: Failure): Promise<undefined> {
  if (scene.pastPivot) return becomeDead(deps, scene, error);
  if (!turnsBack(scene)) return void (await endFailed(deps, scene, error));
  const { execution_id, intent_id } = scene.state;
  scene.journal.record({
    event_type: "execution_failed",
    payload: { execution_id, intent_id, error, compensating: true },
  });
}

/** Whether the saga turns back before it fails: something is to be undone, or more is PENDING than its last commit takes. */
export function turnsBack(scene: Scene): boolean {
  return scene.state.steps.some((step) => scene.needsUndo(step)) || pendingIn(scene).length > FAILED_AT_ONCE;
}

/** Records the end, or, as `MORE`, a part of what goes before it. */
export async function endFailed(deps: SettleDeps, scene: Scene, error: Failure): Promise<Agenda | undefined> {
  if (!(await leaveNothingPending(deps, scene, error))) return MORE;
  const { execution_id, intent_id } = scene.state;
  scene.journal.record({ event_type: "execution_failed", payload: { execution_id, intent_id, error } });
  return undefined;
}

/** As `endFailed`. */
export async function endCompensated(deps: SettleDeps, scene: Scene, error: Failure): Promise<Agenda | undefined> {
  if (!(await leaveNothingPending(deps, scene, error))) return MORE;
  const { execution_id, intent_id } = scene.state;
  scene.journal.record({ event_type: "execution_compensated", payload: { execution_id, intent_id, error } });
  return undefined;
}

/** As `endFailed`. */
export async function endCancelled(deps: SettleDeps, scene: Scene, compensated: boolean): Promise<Agenda | undefined> {
  const message = "The execution was cancelled.";
  const error = { code: "execution.cancelled", message, status: 409, retryable: false };
  if (!(await leaveNothingPending(deps, scene, error))) return MORE;
  const { execution_id, intent_id } = scene.state;
  // What was undone has stopped its children already; what just stops tells them now.
  for (const { child_execution_id: executionId } of compensated ? [] : openCalls(scene.state)) {
    if (executionId === undefined) continue;
    scene.journal.send({ mailId: `${execution_id}/stopped`, executionId, body: { kind: "cancel", compensate: false } });
  }
  scene.journal.record({ event_type: "execution_cancelled", payload: { execution_id, intent_id, compensated } });
  return undefined;
}

/** Calls whose children may be under way: also a dead saga's that failed for want of time. */
export function openCalls({ steps }: Execution): Execution["steps"] {
  return steps.filter(
    ({ child_execution_id, status }) =>
      child_execution_id !== undefined && (status === "started" || status === "failed"),
  );
}

/** What a person is shown of the steps: all, or of too many those that did not simply succeed, the last of them. */
function evidenceOf(steps: Execution["steps"], { step_name: killer }: Failure): JsonObject {
  const few = steps.length <= MAX_STEPS_SHOWN;
  const shown = few ? steps : steps.filter((step) => isTelling(step, killer)).slice(-MAX_STEPS_SHOWN);
  return {
    steps: shown.map(({ step_name, status, attempt, undo_attempts }) => ({
      step_name,
      status,
      attempt,
      undo_attempts,
    })),
    ...(few ? {} : { steps_left_out: steps.length - shown.length }),
  };
}

function isTelling({ step_name, status, undo_attempts }: Step, killer: string | undefined): boolean {
  return step_name === killer || undo_attempts !== undefined || status === "started" || status === "failed";
}

/** Stops without an end: what happened, and all that is known of it, becomes a pending intent for a person. */
export function becomeDead(deps: SettleDeps, scene: Scene, error: Failure): undefined {
  const { execution_id, intent_id, status, steps, session_id } = scene.state;
  const evidence = {
    execution_id,
    intent_type: scene.definition.type,
    while: status,
    error: toJson(error),
    ...evidenceOf(steps, error),
  };
  const pending = newPendingIntent(deps.ids.intent(), rfc3339(deps.clock.now()), {
    tenantId: scene.journal.owner.tenantId,
    intentType: REVIVE_EXECUTION,
    targetArtifactId: execution_id,
    context: toJson(evidence),
    sessionId: session_id,
    userId: deps.intent.user_id,
  });
  const unit = newUnit(deps, scene);
  unit.put(pendingIntentKind, pending.intent_id, pending);
  scene.journal.absorb(unit);
  scene.journal.record({ event_type: "execution_failed", payload: { execution_id, intent_id, error, dead: true } });
}

/**
 * What this execution left PENDING becomes FAILED, and the pending intent that it took up can be taken up again (ADR 0006). A journey keeps
 * what it has reached, artifacts too: a retry goes on with them. False when one commit does not take all of it.
 */
async function leaveNothingPending(deps: SettleDeps, scene: Scene, error: Failure): Promise<boolean> {
  const unit = newUnit(deps, scene);
  const failure = { code: error.code, message: error.message };
  let failed = 0;
  let all = true;
  for (const { artifact_id } of pendingIn(scene)) {
    // Somebody else may have moved it since.
    if ((await unit.get(artifactKind, artifact_id))?.lifecycle_state !== "PENDING") continue;
    all = failed < FAILED_AT_ONCE;
    if (!all) break;
    await moveArtifact(unit, artifact_id, "FAILED", rfc3339(deps.clock.now()), { failure });
    failed += 1;
  }
  if (all) await settlePendingIntent(deps, unit, scene, "failed");
  scene.journal.absorb(unit);
  return all;
}

/** What the execution left PENDING, as far as it knows. */
function pendingIn({ definition, state }: Scene): Execution["artifacts"] {
  if (definition.journey !== undefined) return [];
  return state.artifacts.filter(({ lifecycle_state }) => lifecycle_state === "PENDING");
}

async function settlePendingIntent(
  deps: SettleDeps,
  unit: UnitOfWork,
  { state }: Scene,
  to: "completed" | "failed",
): Promise<void> {
  const id = deps.intent.pending_intent_id;
  const pending = id === undefined ? undefined : await unit.get(pendingIntentKind, id);
  // A retry of one that was withdrawn has not taken it up.
  if (id === undefined || pending?.status !== "in_progress" || pending.execution_id !== state.execution_id) return;
  await movePendingIntent(unit, id, to, { now: rfc3339(deps.clock.now()) });
}

function newUnit(deps: SettleDeps, scene: Scene): UnitOfWork {
  const { owner, uncommitted } = scene.journal;
  return new UnitOfWork(deps.surface, owner.tenantId, deps.clock.now(), uncommitted);
}
