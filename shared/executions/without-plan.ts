import type { RuntimeError } from "../errors.ts";
import type { IntentCatalog } from "../sagas/intent-catalog.ts";
import type { IntentDefinition } from "../sagas/intent-definition.ts";
import type { ClaimCheck } from "../state/claim-check.ts";
import { endFailed, openCalls, type SettleDeps } from "./ending.ts";
import type { Execution, Failure } from "./execution.ts";
import { failureOf, noHandler } from "./failure.ts";
import type { Journal } from "./journal.ts";
import { letGo } from "./let-go.ts";
import { Scene } from "./scene.ts";
import type { LoadedExecution } from "./stored-execution.ts";

/** How soon an execution is looked at again that is pinned to a version which this build does not have. */
const PINNED_LOOK_MS = 60_000;

export interface WithoutPlanDeps extends Omit<SettleDeps, "intent"> {
  readonly catalog: IntentCatalog;
  readonly claimCheck: ClaimCheck;
}

/**
 * An intent type that this build does not have at all fails, and its children, which nobody can wait for, turn back; a version that it does
 * not have stays as it is, for one that has.
 */
export async function letGoWithoutPlan(
  deps: WithoutPlanDeps,
  held: LoadedExecution,
  journal: Journal,
): Promise<Execution> {
  const { intent_type, intent_version } = held.state;
  if (!deps.catalog.complete && deps.catalog.find(intent_type) === undefined) return letGo(journal, deps.clock.now());
  if (deps.catalog.find(intent_type) !== undefined) {
    deps.logger.error("an execution is pinned to a version of its intent that this build does not have", {
      tenant_id: held.state.tenant_id,
      execution_id: held.state.execution_id,
      intent_type,
      intent_version,
    });
    // Let go of, for a build that has it: this one looks again from time to time.
    return letGo(journal, deps.clock.now() + PINNED_LOOK_MS);
  }
  const unknown = { type: intent_type, plan: { nodes: [], checkpoint: "each" } } as unknown as IntentDefinition;
  const scene = new Scene(unknown, journal, {}, deps.claimCheck);
  return endAtOnce({ ...deps, intent: held.intent }, scene, noHandler(intent_type));
}

/** An execution whose subject was erased cannot go on, nor back: nothing that it kept can be read. */
export async function endErased(
  deps: WithoutPlanDeps,
  held: LoadedExecution,
  journal: Journal,
  { definition, error }: { readonly definition: IntentDefinition; readonly error: RuntimeError },
): Promise<Execution> {
  const scene = new Scene(definition, journal, {}, deps.claimCheck);
  return endAtOnce({ ...deps, intent: held.intent }, scene, failureOf(error));
}

/** Ends it without undoing anything, in as many commits as that takes. */
async function endAtOnce(deps: SettleDeps, scene: Scene, error: Failure): Promise<Execution> {
  const { journal } = scene;
  for (;;) {
    const rest = await endFailed(deps, scene, error);
    if (rest === undefined) turnChildrenBack(scene);
    // What has ended is nobody's.
    const release = rest === undefined ? { wakeAtMs: undefined } : undefined;
    const result = await journal.commit(release);
    // After a conflict, as with who changed an artifact of its, all of it is decided anew.
    if (result === "fenced" || result === "let_go") return journal.committed;
  }
}

/**
 * Told in the commit that ends the parent. A letter to a child that was never accepted is lost: what this build does not have it cannot
 * bury, and only a worker of the old build could still accept it.
 */
function turnChildrenBack({ journal }: Scene): void {
  const { execution_id } = journal.state;
  for (const { child_execution_id: executionId } of openCalls(journal.state)) {
    if (executionId === undefined) continue;
    journal.send({ mailId: `${execution_id}/turned_back`, executionId, body: { kind: "cancel", compensate: true } });
  }
}
