import { type Clock, parseRfc3339 } from "../clock.ts";
import { durationMs } from "../duration.ts";
import type { PlanNode } from "../sagas/plan.ts";
import { type Agenda, NOTHING } from "./agenda.ts";
import type { Step } from "./execution.ts";

/** A fast child of which the archive has a part goes on from there within this time. */
const FIRST_LOOK_MS = durationMs("5m");

/**
 * What a parent does while its child is under way: it waits for the letter that tells of the end. A fast child may be lost with the tier
 * that it lives in, and its letter too, so it is looked at again after as long as it has waited.
 */
export function untilNextLook({ clock }: { readonly clock: Clock }, node: PlanNode | undefined, step: Step): Agenda {
  if (node?.kind !== "call" || node.durability !== "fast") return NOTHING;
  const nowMs = clock.now();
  const waitedMs = nowMs - parseRfc3339(step.started_at);
  return { tasks: [], wakeAtMs: nowMs + Math.max(FIRST_LOOK_MS, waitedMs) };
}
