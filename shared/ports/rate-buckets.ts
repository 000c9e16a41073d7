import type { TokenGrant, TokenRequest } from "../token-bucket.ts";

/**
 * Token buckets that all processes share. Each adapter draws as `drawTokens` does, atomically:
 *  B1  What processes are granted together is never more than one bucket gives.
 *  B2  An unreachable store rejects with `store.unavailable` (503, retryable); it never grants.
 *  B3  A call that is carried out twice, or whose answer is lost, takes tokens that nobody uses: too few are granted then, never too many.
 */
export interface RateBuckets {
  take(key: string, request: TokenRequest): Promise<TokenGrant>;
  close(): Promise<void>;
}
