import type { ClaimOutcome } from "../../shared/ports/execution-store.ts";
import type { ModelDatabase } from "../model/model-database.ts";
import { loadRow } from "../model/model-rows.ts";

/**
 * Makes claims such as may be carried out late, as Redis has them: of those of one id the first is carried out, and the others change nothing;
 * and the beat that goes with a claim is never earlier than the beats before it.
 */
export function knowRepeatedClaims(database: ModelDatabase): void {
  const answers = new Map<string, ClaimOutcome>();
  const claim = database.claim.bind(database);
  database.claim = (request) => {
    const { tenantId, executionId, workerId, claimId = "" } = request;
    const answered = answers.get(claimId);
    if (answered === undefined) {
      const beatMs = database.beats.get(workerId) ?? Number.NEGATIVE_INFINITY;
      const outcome = claim(request);
      if (beatMs > request.nowMs) database.beats.set(workerId, beatMs);
      if (claimId !== "") answers.set(claimId, outcome);
      return outcome;
    }
    if (answered.outcome !== "claimed") return answered;
    const row = database.find(tenantId, executionId);
    const isStillSo = row !== undefined && !row.terminal && row.epoch === answered.epoch;
    return isStillSo ? { ...answered, execution: loadRow(row) } : { outcome: "held" };
  };
}
