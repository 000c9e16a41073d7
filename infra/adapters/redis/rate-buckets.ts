import type { RateBuckets } from "../../../shared/ports/rate-buckets.ts";
import type { RedisConnection } from "./connection.ts";
import { escaped, rootOf } from "./keys.ts";
import { unexpected, words } from "./replies.ts";
import { createScriptRunner, defineScript } from "./script.ts";

/**
 * Draws tokens, as `drawTokens` does (shared/token-bucket.ts).
 *   KEYS[1] the bucket: "tokens time"
 *   ARGV[1] capacity   ARGV[2] refill a second   ARGV[3] now, ms   ARGV[4] wanted   ARGV[5] at least   ARGV[6] kept, ms
 * Replies "granted remaining wait", the wait in ms, or "never".
 * Delivered again: draws again, so that too few are granted and never too many.
 */
const TAKE = /* lua */ `
local capacity, refill, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted, least = tonumber(ARGV[4]), tonumber(ARGV[5])
local tokens, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%S+)$')
tokens, at = tonumber(tokens or capacity), tonumber(at or now)
now = math.max(now, at)
tokens = math.min(capacity, tokens + (now - at) * refill / 1000)
local granted, wait = 0, '0'
if tokens >= least then
  granted = math.min(wanted, math.floor(tokens))
elseif refill == 0 then
  wait = 'never'
else
  wait = string.format('%.0f', math.ceil((least - tokens) * 1000 / refill))
end
tokens = tokens - granted
redis.call('SET', KEYS[1], string.format('%.17g %.0f', tokens, now), 'PX', ARGV[6])
return string.format('%.0f %.0f ', granted, math.floor(tokens)) .. wait
`;
const take = defineScript("take-tokens", TAKE);

/** Buckets in Redis, each a key that goes when it is full again; one call a draw. */
export function createRedisRateBuckets(
  connection: RedisConnection,
  options: { readonly namespace?: string | undefined } = {},
): RateBuckets {
  const root = rootOf(options.namespace ?? "symphainy");
  const run = createScriptRunner(connection);
  return {
    take: async (key, { capacity, refillPerSecond, nowMs, wanted, atLeast, keepMs }) => {
      const args = [capacity, refillPerSecond, nowMs, wanted, atLeast, Math.ceil(keepMs)].map(String);
      const reply = await run(take, [`${root}b:${escaped(key)}`], args);
      const [granted, remaining, wait] = words(reply);
      if (wait === undefined) throw unexpected(reply);
      const retryAfterMs = wait === "never" ? undefined : Number(wait);
      return { granted: Number(granted), remaining: Number(remaining), retryAfterMs };
    },
    close: () => connection.close(),
  };
}
