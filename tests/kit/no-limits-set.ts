import type { RateBuckets } from "../../shared/ports/rate-buckets.ts";

/** For runtimes whose configuration sets no limits: to be asked for a token is a fault there. */
export const NO_LIMITS_SET: RateBuckets = {
  take: () => Promise.reject(new Error("no limits are set, and yet a token was asked for")),
  close: () => Promise.resolve(),
};
