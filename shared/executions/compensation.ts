import { parseRfc3339 } from "../clock.ts";
import type { Agenda } from "./agenda.ts";
import { untilNextLook } from "./awaited-child.ts";
import { endCancelled, endCompensated, endFailed, type SettleDeps } from "./ending.ts";
import type { Failure } from "./execution.ts";
import type { Scene } from "./scene.ts";

/**
 * One move back: the undo of the youngest step that still needs one, or the end.
 *  C1  Every step on record as started is undone, done or not, in reverse order.
 *  C2  The next undo begins when the one before is on record.
 */
export async function goBack(deps: SettleDeps, scene: Scene): Promise<Agenda | undefined> {
  const { steps, cancelled, error } = scene.state;
  const step = steps.findLast((each) => scene.needsUndo(each));
  if (step === undefined) {
    if (cancelled !== undefined) return endCancelled(deps, scene, true);
    const cause: Failure = error ?? {
      code: "execution.failed",
      message: "The saga failed.",
      status: 500,
      retryable: false,
    };
    const undone = steps.some(({ status }) => status === "compensated");
    return undone ? endCompensated(deps, scene, cause) : endFailed(deps, scene, cause);
  }
  if (step.child_execution_id !== undefined) {
    return scene.awaited.has(step.step_name)
      ? untilNextLook(deps, scene.nodeOf(step), step)
      : { tasks: [{ kind: "end_child", step }], wakeAtMs: undefined };
  }
  const dueMs = step.undo_attempts === undefined || step.due_at === undefined ? 0 : parseRfc3339(step.due_at);
  if (dueMs > deps.clock.now()) return { tasks: [], wakeAtMs: dueMs };
  return { tasks: [{ kind: "undo", step }], wakeAtMs: undefined };
}
