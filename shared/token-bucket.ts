/** What is left in a bucket, and as of when. */
export interface BucketState {
  readonly tokens: number;
  readonly atMs: number;
}

/** A wish for tokens of a bucket that holds `capacity` at the most and fills at a steady rate. */
export interface TokenRequest {
  readonly capacity: number;
  /** 0 for a bucket that is never filled again, such as the quota of one day. */
  readonly refillPerSecond: number;
  readonly nowMs: number;
  /** How many to take if they are there. */
  readonly wanted: number;
  /** None are taken when there are fewer than this; at most `capacity`. */
  readonly atLeast: number;
  /** How long the bucket is remembered after its last use: until it is full again at the least. */
  readonly keepMs: number;
}

export interface TokenGrant {
  /** 0, or from `atLeast` to `wanted`. */
  readonly granted: number;
  /** What is left in the bucket, in whole tokens. */
  readonly remaining: number;
  /** When `atLeast` will be there, if nobody else takes any; undefined when never, and 0 when they were granted. */
  readonly retryAfterMs: number | undefined;
}

/**
 * Draws tokens from a bucket; one that was never used is full. A clock that runs behind the bucket's own time fills nothing.
 * Source: the token bucket of RFC 2697, in tokens instead of bytes.
 */
export function drawTokens(
  before: BucketState | undefined,
  { capacity, refillPerSecond, nowMs, wanted, atLeast }: TokenRequest,
): { readonly after: BucketState; readonly grant: TokenGrant } {
  const atMs = Math.max(nowMs, before?.atMs ?? nowMs);
  const filled = ((atMs - (before?.atMs ?? atMs)) * refillPerSecond) / 1_000;
  const tokens = Math.min(capacity, (before?.tokens ?? capacity) + filled);
  const granted = tokens < atLeast ? 0 : Math.min(wanted, Math.floor(tokens));
  const left = tokens - granted;
  const missing = granted > 0 ? 0 : atLeast - tokens;
  const never = missing > 0 && refillPerSecond === 0;
  const retryAfterMs = never ? undefined : Math.ceil((missing * 1_000) / (refillPerSecond || 1));
  return { after: { tokens: left, atMs }, grant: { granted, remaining: Math.floor(left), retryAfterMs } };
}
