import type { Clock } from "../clock.ts";
import type { RateBuckets } from "../ports/rate-buckets.ts";
import type { Meter } from "./meters.ts";

/** How long tokens that were taken in advance may be used; what is left of them then is lost to everybody. */
const LEASE_MS = 10_000;
const MAX_LEASES = 10_000;

/** What a limit says to a request. */
export type MeterReading =
  | { readonly outcome: "granted"; readonly meter: Meter; readonly remaining: number }
  | { readonly outcome: "refused"; readonly meter: Meter; readonly remaining: number; readonly retryAfterMs: number };

interface Lease {
  tokens: number;
  untilMs: number;
  /** What the bucket held besides, when it was last asked. */
  behind: number;
  refusedUntilMs: number;
  /** What was too much for the bucket: whoever wants less may ask. */
  refusedCost: number;
  asking: Promise<void> | undefined;
}

/**
 * This process's share of the buckets that all processes share: it takes tokens in batches, so that most requests ask no store.
 *  L1  A token is taken from the bucket before it is used, and used once. So in any window all processes together grant no more than
 *      the bucket gives in it (capacity + what is filled in) and, for each process, what it held from before: less than one batch
 *      (a tenth of a rate), taken at most LEASE_MS earlier.
 *  L2  After a refusal the store is not asked again before a token can be there: a flood costs the store nothing.
 *  L3  A store that cannot be reached refuses (`store.unavailable`): nothing is granted that was not taken.
 *  L4  A process that dies, or stays quiet for LEASE_MS, loses what it held: up to a batch too few are granted.
 */
export interface TokenLeases {
  draw(meter: Meter): Promise<MeterReading>;
  /** Returns what was drawn for something that did not come about. */
  giveBack(meter: Meter): void;
}

export function createTokenLeases({
  buckets,
  clock,
}: {
  readonly buckets: RateBuckets;
  readonly clock: Clock;
}): TokenLeases {
  const leases = new Map<string, Lease>();

  const leaseOf = (key: string): Lease => {
    const known = leases.get(key);
    if (known !== undefined) return known;
    if (leases.size >= MAX_LEASES) forget();
    const lease: Lease = { tokens: 0, untilMs: 0, behind: 0, refusedUntilMs: 0, refusedCost: 0, asking: undefined };
    leases.set(key, lease);
    return lease;
  };
  /** Of too many leases, those that are worth nothing; if they are all worth something, the oldest. */
  const forget = (): void => {
    const nowMs = clock.now();
    for (const [key, lease] of leases) {
      if (lease.asking === undefined && lease.untilMs <= nowMs && lease.refusedUntilMs <= nowMs) leases.delete(key);
    }
    for (const key of leases.keys()) {
      if (leases.size < MAX_LEASES) return;
      leases.delete(key);
    }
  };

  const ask = async (lease: Lease, { key, capacity, refillPerSecond, cost, batch, windowMs }: Meter): Promise<void> => {
    const nowMs = clock.now();
    if (lease.untilMs <= nowMs) lease.tokens = 0;
    const atLeast = cost - lease.tokens;
    // Twice the window: a bucket is full again, or its day is over, before it is forgotten.
    const request = {
      capacity,
      refillPerSecond,
      nowMs,
      wanted: Math.max(atLeast, batch),
      atLeast,
      keepMs: 2 * windowMs,
    };
    const { granted, remaining, retryAfterMs } = await buckets.take(key, request);
    lease.behind = remaining;
    if (granted > 0) {
      lease.tokens += granted;
      lease.untilMs = clock.now() + LEASE_MS;
    } else {
      lease.refusedUntilMs = retryAfterMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + retryAfterMs;
      lease.refusedCost = cost;
    }
  };

  const refused = (lease: Lease, meter: Meter, waitMs: number): MeterReading => {
    const nowMs = clock.now();
    const untilNext = meter.endsMs === undefined ? meter.windowMs : meter.endsMs - nowMs;
    return {
      outcome: "refused",
      meter,
      remaining: lease.behind + lease.tokens,
      retryAfterMs: Math.max(1, Number.isFinite(waitMs) ? waitMs : untilNext),
    };
  };

  return {
    draw: async (meter) => {
      const lease = leaseOf(meter.key);
      if (meter.cost > meter.capacity) return refused(lease, meter, Number.POSITIVE_INFINITY);
      for (;;) {
        const nowMs = clock.now();
        if (lease.tokens >= meter.cost && lease.untilMs > nowMs) {
          lease.tokens -= meter.cost;
          return { outcome: "granted", meter, remaining: lease.behind + lease.tokens };
        }
        const tooMuch = lease.refusedUntilMs > nowMs && meter.cost >= lease.refusedCost;
        if (tooMuch) return refused(lease, meter, lease.refusedUntilMs - nowMs);
        lease.asking ??= ask(lease, meter).finally(() => {
          lease.asking = undefined;
        });
        await lease.asking;
      }
    },
    giveBack: ({ key, cost }) => {
      const lease = leases.get(key);
      if (lease === undefined) return;
      lease.tokens += cost;
      lease.refusedUntilMs = 0;
    },
  };
}
