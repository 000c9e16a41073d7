import { RuntimeError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { Meter } from "./meters.ts";
import type { MeterReading } from "./token-leases.ts";

/** A decision against a request, as it is told and recorded. */
export interface Refusal {
  readonly code: "policy.rate_limited" | "policy.quota_exceeded" | "policy.concurrency";
  readonly policy: string;
  readonly limit: number;
  readonly retryAfterMs: number;
  readonly message: string;
  /** What else is to be recorded of it. */
  readonly facts: JsonObject;
}

/** How long a caller waits before it asks again for what depends on others' work. */
const WORTH_ANOTHER_LOOK_MS = 1_000;

export function meterRefusal({ meter, retryAfterMs }: Extract<MeterReading, { outcome: "refused" }>): Refusal {
  const { policy, kind, capacity, windowMs, cost } = meter;
  const what = policy.replaceAll("_", " ");
  return {
    code: kind === "rate" ? "policy.rate_limited" : "policy.quota_exceeded",
    policy,
    limit: capacity,
    retryAfterMs,
    message:
      kind === "rate"
        ? `The limit of ${capacity} ${what} in ${windowMs / 1_000} seconds is reached.`
        : `The quota of ${capacity} ${what} is used up, or does not hold the ${cost} that this takes.`,
    facts: { window_seconds: windowMs / 1_000, cost },
  };
}

export function concurrencyRefusal(policy: "live_executions" | "concurrency_key", limit: number, of: string): Refusal {
  return {
    code: "policy.concurrency",
    policy,
    limit,
    retryAfterMs: WORTH_ANOTHER_LOOK_MS,
    message: `${limit} executions of ${of} are under way, which is all that may be at a time.`,
    facts: {},
  };
}

/** The error that a refused caller gets: 429, with when to come again. */
export function refusedError(refusal: Refusal, headers: Readonly<Record<string, string>>): RuntimeError {
  const { code, policy, limit, retryAfterMs, message } = refusal;
  return new RuntimeError(code, message, {
    status: 429,
    retryable: true,
    details: { policy, limit, retry_after_ms: retryAfterMs },
    headers: { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1_000))), ...headers },
  });
}

/**
 * `RateLimit-Policy` and `RateLimit` of what was read: quota `q` in a window of `w` seconds, of which `r` remain; `t` seconds until
 * there is more. Source: draft-ietf-httpapi-ratelimit-headers-10.
 */
export function limitHeaders(readings: readonly MeterReading[], nowMs: number): Readonly<Record<string, string>> {
  if (readings.length === 0) return {};
  const named = readings.map((reading) => ({ reading, name: `"${reading.meter.policy}"` }));
  return {
    "ratelimit-policy": named
      .map(
        ({ reading: { meter }, name }) =>
          `${name};q=${meter.capacity};w=${Math.max(1, Math.ceil(meter.windowMs / 1_000))}${unitOf(meter)}`,
      )
      .join(", "),
    ratelimit: named
      .map(({ reading, name }) => `${name};r=${Math.max(0, reading.remaining)};t=${secondsUntilMore(reading, nowMs)}`)
      .join(", "),
  };
}

/** `qu`, the draft's registered unit for what is not counted in requests. */
function unitOf({ policy }: Meter): string {
  return policy === "bytes_per_day" ? `;qu="content-bytes"` : "";
}

function secondsUntilMore(reading: MeterReading, nowMs: number): number {
  const { meter } = reading;
  if (reading.outcome === "refused") return Math.ceil(reading.retryAfterMs / 1_000);
  if (meter.endsMs !== undefined) return Math.ceil((meter.endsMs - nowMs) / 1_000);
  return Math.ceil(((meter.capacity - reading.remaining) * meter.windowMs) / meter.capacity / 1_000);
}
