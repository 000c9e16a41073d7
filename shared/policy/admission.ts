import type { Clock } from "../clock.ts";
import type { Limits, LimitsChoice } from "../config-limits.ts";
import type { SessionId, TenantId, TraceId } from "../ids.ts";
import type { LiveExecutions } from "./live-executions.ts";
import { intentMeters, type Meter, sessionMeters } from "./meters.ts";
import { concurrencyRefusal, limitHeaders, meterRefusal, type Refusal, refusedError } from "./refusal.ts";
import type { RefusalLog } from "./refusal-log.ts";
import type { MeterReading, TokenLeases } from "./token-leases.ts";

export interface Asked {
  readonly tenantId: TenantId;
  readonly caller: string | undefined;
  readonly traceId: TraceId;
}

export interface AskedIntent extends Asked {
  readonly sessionId: SessionId;
  readonly intentType: string;
  /** What it will write, by its price; asked only where a limit counts it. */
  readonly bytes: () => number;
}

/** Leave to go on. */
export interface Allowance {
  /** What the limits say now, for the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Returns what was counted for something that did not come about; requests stay counted. */
  readonly giveBack: () => void;
}

/**
 * Whether a request may go on, before anything is done for it.
 * A grant writes nothing. A refusal is recorded in the log and thrown: `policy.rate_limited`, `policy.quota_exceeded` and
 * `policy.concurrency` (429, retryable). Throws `store.unavailable` (503) when a limit cannot be read: there is no other way in.
 */
export interface Admission {
  intent(asked: AskedIntent): Promise<Allowance>;
  session(asked: Asked): Promise<Allowance>;
  /** Refuses an intent whose key is in use. */
  refuseKey(asked: AskedIntent, limit: number, key: string): Promise<never>;
  /** Resolves when every refusal so far is on record. */
  settled(): Promise<void>;
}

export interface AdmissionDeps {
  readonly limits: LimitsChoice;
  readonly leases: TokenLeases;
  readonly live: LiveExecutions;
  readonly log: RefusalLog;
  readonly clock: Clock;
}

const UNLIMITED: Allowance = { headers: {}, giveBack: () => undefined };

export function createAdmission({ limits, leases, live, log, clock }: AdmissionDeps): Admission {
  const limitsOf = (tenantId: TenantId): Limits => limits.tenants.get(tenantId) ?? limits.standard;
  const asking = ({ tenantId, caller }: Asked) => ({ tenantId, caller, nowMs: clock.now() });

  const refuse = async (asked: Asked & Partial<AskedIntent>, refusal: Refusal, headers: Allowance["headers"]) => {
    const { tenantId, caller, traceId, sessionId, intentType } = asked;
    await log.record({ tenantId, caller, traceId, sessionId, intentType, refusal });
    throw refusedError(refusal, headers);
  };

  /** Draws on every meter in turn; the first that refuses ends it, and quotas that were drawn on get back what they gave. */
  const draw = async (asked: Asked, meters: readonly Meter[]): Promise<Allowance> => {
    const readings: MeterReading[] = [];
    const giveBack = (): void => {
      for (const { meter, outcome } of readings)
        if (meter.kind === "quota" && outcome === "granted") leases.giveBack(meter);
    };
    try {
      for (const meter of meters) {
        const reading = await leases.draw(meter);
        readings.push(reading);
        if (reading.outcome === "refused") {
          await refuse(asked, meterRefusal(reading), limitHeaders(readings, clock.now()));
        }
      }
    } catch (error) {
      giveBack();
      throw error;
    }
    return { headers: limitHeaders(readings, clock.now()), giveBack };
  };

  return {
    intent: async (asked) => {
      const own = limitsOf(asked.tenantId);
      const meters = intentMeters(own, asking(asked), own.bytesPerDay === undefined ? 0 : asked.bytes());
      const allowance = meters.length === 0 ? UNLIMITED : await draw(asked, meters);
      const { liveExecutions } = own;
      if (liveExecutions !== undefined && !(await live.enter(asked.tenantId, liveExecutions))) {
        allowance.giveBack();
        await refuse(asked, concurrencyRefusal("live_executions", liveExecutions, "this tenant"), allowance.headers);
      }
      return allowance;
    },
    session: async (asked) => {
      const meters = sessionMeters(limitsOf(asked.tenantId), asking(asked));
      return meters.length === 0 ? UNLIMITED : draw(asked, meters);
    },
    refuseKey: async (asked, limit, key) => {
      const refusal = concurrencyRefusal(
        "concurrency_key",
        limit,
        `${asked.intentType} with the key ${JSON.stringify(key)}`,
      );
      await log.record({ ...asked, refusal: { ...refusal, facts: { key } } });
      throw refusedError(refusal, {});
    },
    settled: () => log.settled(),
  };
}
