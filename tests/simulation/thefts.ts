import { DEAD_AFTER_MS } from "../../shared/executions/presence.ts";
import type { WorkerId } from "../../shared/ids.ts";
import type { ModelDatabase } from "../model/model-database.ts";

/** What clocks may differ by, and what a call may take. */
const SLACK_MS = 1_000;

/** Watches by the time of the store alone, whatever the clocks of workers tell, that nobody takes a live worker's execution. */
export interface Thefts {
  /** A worker that sent this beat then was alive. */
  beat(workerId: WorkerId, sentMs: number): void;
  readonly faults: readonly string[];
}

/** `isAlive`: also of a worker that is frozen. */
export function watchForThefts(
  database: ModelDatabase,
  nowMs: () => number,
  isAlive: (workerId: string) => boolean,
): Thefts {
  const beats = new Map<string, number>();
  const faults: string[] = [];
  const claim = database.claim.bind(database);
  database.claim = (request) => {
    const owner = database.find(request.tenantId, request.executionId)?.owner ?? "";
    const isRetired = !database.beats.has(owner);
    const outcome = claim(request);
    const silentMs = nowMs() - (beats.get(owner) ?? Number.NEGATIVE_INFINITY);
    const isTheft = owner !== request.workerId && !isRetired && isAlive(owner) && silentMs < DEAD_AFTER_MS - SLACK_MS;
    if (outcome.outcome === "claimed" && isTheft)
      faults.push(
        `${request.workerId} took ${request.executionId} from ${owner}, which had beaten ${silentMs} ms before`,
      );
    return outcome;
  };
  return {
    faults,
    beat: (workerId, sentMs) => void beats.set(workerId, Math.max(sentMs, beats.get(workerId) ?? sentMs)),
  };
}
