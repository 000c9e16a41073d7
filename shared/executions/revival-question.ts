import { rfc3339 } from "../clock.ts";
import { movePendingIntent, pendingFacet, pendingIntentKind } from "../intents/pending-intent.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import { REVIVE_EXECUTION } from "./ending.ts";
import type { Execution } from "./execution.ts";

/** A dead execution asks one question at a time: whatever is more was left by a race, and goes with the next. */
const MOST = { limit: 10 };

/**
 * Settles what a dead execution asks people, because it was decided of: the question that was answered by name is completed, another one
 * is out of date.
 */
export async function settleQuestion(
  unit: UnitOfWork,
  executionId: Execution["execution_id"],
  nowMs: number,
  answered?: string,
): Promise<void> {
  const facet = pendingFacet({ target: executionId, type: REVIVE_EXECUTION, status: "pending" });
  const open = await unit.list(pendingIntentKind, facet, MOST);
  const now = rfc3339(nowMs);
  if (answered !== undefined) {
    await movePendingIntent(unit, answered, "in_progress", { now, executionId });
    await movePendingIntent(unit, answered, "completed", { now });
  }
  for (const { value } of open.items) {
    if (value.intent_id !== answered) await movePendingIntent(unit, value.intent_id, "cancelled", { now });
  }
}
