import { becomeDead, endFailed, type SettleDeps, turnsBack } from "./ending.ts";
import type { Failure, Step } from "./execution.ts";
import type { Scene } from "./scene.ts";

/**
 * Records that a step failed for good, and what follows: its group collects it, the saga compensates, ends as failed because
 * nothing needs undoing, or, past the pivot where there is no way back, waits for a person.
 */
export async function failStep(
  deps: SettleDeps,
  scene: Scene,
  step: Step,
  error: Failure,
  attempt = step.attempt,
): Promise<undefined> {
  const node = scene.nodeOf(step);
  const collected =
    (node?.kind === "parallel" || node?.kind === "map") && node.onFailure === "collect" && step.step_name !== node.name;
  const record = (next: "compensate" | "fail" | "continue"): void => {
    const payload = { step_id: step.step_id, attempt, error, next };
    scene.journal.record({ event_type: "step_failed", step_name: step.step_name, payload });
  };
  if (collected) {
    record("continue");
    return;
  }
  if (scene.state.status === "compensating") {
    // The saga turned back while this was at work: what turned it back decides how it ends.
    record("compensate");
    return;
  }
  if (scene.pastPivot) {
    record("fail");
    becomeDead(deps, scene, error);
    return;
  }
  if (turnsBack(scene)) {
    record("compensate");
    return;
  }
  record("fail");
  await endFailed(deps, scene, error);
}
