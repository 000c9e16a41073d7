import { rfc3339 } from "../clock.ts";
import { movePendingIntent, pendingFacet, pendingIntentKind } from "../intents/pending-intent.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import { REVIVE_EXECUTION } from "./ending.ts";
import type { Execution } from "./execution.ts";

/** A dead execution asks one question at a time: whatever is more was left by a race, and goes with the next. */
const MOST = { limit: 10 };

/** Withdraws what a dead execution asks people, as it was decided of already; `answered` is spared. */
export async function withdrawQuestion(
  unit: UnitOfWork,
  executionId: Execution["execution_id"],
  nowMs: number,
  answered?: string,
): Promise<void> {
  const facet = pendingFacet({ target: executionId, type: REVIVE_EXECUTION, status: "pending" });
  const open = await unit.list(pendingIntentKind, facet, MOST);
  for (const { value } of open.items) {
    if (value.intent_id !== answered)
      await movePendingIntent(unit, value.intent_id, "cancelled", { now: rfc3339(nowMs) });
  }
}
