import type { Limits, Rate } from "../config-limits.ts";
import { durationMs } from "../duration.ts";
import type { TenantId } from "../ids.ts";

const DAY_MS = durationMs("1d");

/** One limit as it applies to one request: a bucket, and what the request takes from it. */
export interface Meter {
  readonly policy:
    | "intents_per_caller"
    | "intents_per_tenant"
    | "sessions_per_caller"
    | "executions_per_day"
    | "bytes_per_day";
  /** A rate counts requests, whatever becomes of them; a quota counts what was accepted. */
  readonly kind: "rate" | "quota";
  /** The bucket's name. */
  readonly key: string;
  readonly capacity: number;
  readonly windowMs: number;
  readonly refillPerSecond: number;
  readonly cost: number;
  /** When a bucket that is not filled again is replaced by the next one. */
  readonly endsMs: number | undefined;
  /** How many tokens a process takes at a time. */
  readonly batch: number;
}

export interface Asking {
  readonly tenantId: TenantId;
  /** Undefined for callers that are not told apart: together they are one. */
  readonly caller: string | undefined;
  readonly nowMs: number;
}

/** A process holds back at most a tenth of a rate, and a thousandth of a quota. */
const RATE_BATCHES = 10;
const QUOTA_BATCHES = 1_000;
const MAX_BATCH = 100;

/** The limits that apply to a new intent of so many bytes, in the order in which they are told to callers. */
export function intentMeters(limits: Limits, { tenantId, caller, nowMs }: Asking, bytes: number): readonly Meter[] {
  const { intentsPerCaller, intentsPerTenant, executionsPerDay, bytesPerDay } = limits;
  const meters: Meter[] = [];
  if (intentsPerCaller !== undefined) {
    meters.push(rateMeter("intents_per_caller", intentsPerCaller, [tenantId, caller ?? null]));
  }
  if (intentsPerTenant !== undefined) meters.push(rateMeter("intents_per_tenant", intentsPerTenant, [tenantId]));
  if (executionsPerDay !== undefined) {
    meters.push(dayMeter("executions_per_day", executionsPerDay, 1, tenantId, nowMs));
  }
  if (bytesPerDay !== undefined) meters.push(dayMeter("bytes_per_day", bytesPerDay, bytes, tenantId, nowMs));
  return meters;
}

/** The limits that apply to a new session. */
export function sessionMeters({ sessionsPerCaller }: Limits, { tenantId, caller }: Asking): readonly Meter[] {
  if (sessionsPerCaller === undefined) return [];
  return [rateMeter("sessions_per_caller", sessionsPerCaller, [tenantId, caller ?? null])];
}

function rateMeter(policy: Meter["policy"], { requests, windowMs }: Rate, names: readonly (string | null)[]): Meter {
  return {
    policy,
    kind: "rate",
    // As JSON, so that no name of a tenant or a caller can be another's.
    key: `${policy}/${JSON.stringify(names)}`,
    capacity: requests,
    windowMs,
    refillPerSecond: (requests * 1_000) / windowMs,
    cost: 1,
    endsMs: undefined,
    batch: batchOf(requests, RATE_BATCHES),
  };
}

/** A day's quota is a bucket of that day, full at midnight UTC and never filled again: so nobody gets two days' worth in one. */
function dayMeter(policy: Meter["policy"], capacity: number, cost: number, tenantId: TenantId, nowMs: number): Meter {
  const day = Math.floor(nowMs / DAY_MS);
  return {
    policy,
    kind: "quota",
    key: `${policy}/${JSON.stringify([tenantId, day])}`,
    capacity,
    windowMs: DAY_MS,
    refillPerSecond: 0,
    cost,
    endsMs: (day + 1) * DAY_MS,
    batch: Math.max(
      cost,
      policy === "bytes_per_day" ? Math.floor(capacity / QUOTA_BATCHES) : batchOf(capacity, QUOTA_BATCHES),
    ),
  };
}

function batchOf(capacity: number, batches: number): number {
  return Math.max(1, Math.min(MAX_BATCH, Math.floor(capacity / batches)));
}
