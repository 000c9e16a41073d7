import type { Clock } from "../clock.ts";
import { durationMs } from "../duration.ts";
import type { SessionId, TenantId, TraceId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { errorFields, type Logger } from "../logger.ts";
import type { SessionService } from "../sessions/session-service.ts";
import type { Refusal } from "./refusal.ts";

/** How long further refusals of the same kind are gathered into one entry. */
const GATHER_MS = durationMs("10s");

/** Who was refused what. */
export interface Refused {
  readonly tenantId: TenantId;
  readonly caller: string | undefined;
  /** Undefined for a session that was not created. */
  readonly sessionId: SessionId | undefined;
  readonly traceId: TraceId;
  readonly intentType: string | undefined;
  readonly refusal: Refusal;
}

/**
 * Writes refusals into the log, as `policy_decided`.
 *  D1  The first refusal of a kind (tenant, session or caller, policy) is on record before its caller hears of it.
 *  D2  Those that follow within GATHER_MS are counted, and recorded as one entry at its end: a flood of refusals costs
 *      the store one commit in ten seconds for each kind, so that being refused cannot be an attack. A clean stop records what was
 *      counted; a process that dies loses these counts, of the last ten seconds.
 *  D3  A refusal stands whether or not it can be recorded: a session that is not there, or not alive, has no chain to record it in.
 */
export interface RefusalLog {
  record(refused: Refused): Promise<void>;
  /** Records what was counted. */
  settled(): Promise<void>;
}

export interface RefusalLogDeps {
  readonly sessions: SessionService;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the process stops: what was counted is recorded then. */
  readonly stopping: AbortSignal;
}

interface Gathering {
  further: number;
  last: Refused;
}

export function createRefusalLog({ sessions, clock, logger, stopping }: RefusalLogDeps): RefusalLog {
  const gathering = new Map<string, Gathering>();
  const underWay = new Set<Promise<void>>();

  const write = async (refused: Refused, count: number): Promise<void> => {
    const { tenantId, sessionId, traceId } = refused;
    try {
      const payload = payloadOf(refused, count);
      if (sessionId === undefined) await sessions.recordUncreated(tenantId, payload, traceId);
      else await sessions.recordDecision(tenantId, sessionId, payload, traceId);
    } catch (error) {
      logger.warn("a refusal could not be recorded in the log", {
        tenant_id: tenantId,
        policy: refused.refusal.policy,
        count,
        ...errorFields(error),
      });
    }
  };

  const gather = async (kind: string, counted: Gathering): Promise<void> => {
    await clock.sleep(GATHER_MS, stopping);
    gathering.delete(kind);
    if (counted.further > 0) await write(counted.last, counted.further);
  };

  return {
    record: async (refused) => {
      const { tenantId, sessionId, caller, refusal } = refused;
      const kind = JSON.stringify([
        tenantId,
        sessionId ?? null,
        sessionId === undefined ? (caller ?? null) : null,
        refusal.policy,
      ]);
      const known = gathering.get(kind);
      if (known !== undefined) {
        known.further += 1;
        known.last = refused;
        return;
      }
      const counted: Gathering = { further: 0, last: refused };
      gathering.set(kind, counted);
      const gathered = gather(kind, counted).finally(() => underWay.delete(gathered));
      underWay.add(gathered);
      const first = write(refused, 1).finally(() => underWay.delete(first));
      underWay.add(first);
      await first;
    },
    settled: async () => {
      await Promise.all(underWay);
    },
  };
}

function payloadOf({ caller, intentType, refusal }: Refused, count: number): JsonObject {
  return {
    decision: "refused",
    policy: refusal.policy,
    code: refusal.code,
    limit: refusal.limit,
    retry_after_ms: Math.round(refusal.retryAfterMs),
    count,
    ...refusal.facts,
    ...(caller === undefined ? {} : { caller }),
    ...(intentType === undefined ? {} : { intent_type: intentType }),
  };
}
