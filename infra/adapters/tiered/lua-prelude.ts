/** How long a copy lives after it was taken from the cold store, and how long a tail does, in milliseconds: whatever went wrong ends then. */
const COPY_LIFE_MS = 600_000;
const TAIL_LIFE_MS = 86_400_000;
/** A usable record is prolonged when it gains so much: once a minute, not with every acceptance. */
export const PROLONG_STEP_MS = 60_000;

/**
 * The start of every script of the hot tier.
 * KEYS[1] state of the tenant (hash: inc, run, at, gen, since, born, filling, filling_at) · KEYS[2] commits in flight that append to
 * the log (hash: token → "ms|execution|rows") · KEYS[3] the tail's places (sorted set, every score 0) · KEYS[4] their texts (hash)
 * · ARGV[1] a token or nonce, unique to the call.
 *
 * `inc` names the incarnation of the tenant's hot data: it is new after a wipe, and after a restart or fail-over of Redis, which
 * may have forgotten writes; whatever carries another is ignored. A place is "ms|stream|sequence|type|session|execution",
 * its numbers padded, so that the order of places is the order of the log. Besides all of them there is an index (sorted set) for each
 * type and session, in the same order, and for each execution, by sequence; `gen` names the indexes of one filling of the tail.
 */
export const PRELUDE = `
local COPY_LIFE, TAIL_LIFE, PROLONG_STEP = ${COPY_LIFE_MS}, ${TAIL_LIFE_MS}, ${PROLONG_STEP_MS}
local STATE, OPEN, TAIL, TEXT = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or '-'
local known = redis.call('HMGET', STATE, 'inc', 'run', 'at', 'since', 'filling', 'born', 'gen')
local inc, at, since, filling = known[1], tonumber(known[3]), tonumber(known[4] or ''), known[5]
if not inc or known[2] ~= run then
  redis.call('DEL', STATE, OPEN, TAIL, TEXT)
  inc, at, since, filling = run .. '.' .. whole(now) .. '.' .. ARGV[1], now, nil, false
  redis.call('HSET', STATE, 'inc', inc, 'run', run, 'at', whole(now))
end
if since and now - tonumber(known[6]) > TAIL_LIFE then
  redis.call('HDEL', STATE, 'since')
  since = nil
end
local INDEX = STATE .. ':' .. (known[7] or '') .. ':'
local function partsOf(place)
  return string.match(place, '^(%d+)|([^|]*)|(%d+)|([^|]*)|([^|]*)|([^|]*)$')
end
`;

/** For scripts that change the tail: `append(first, keep)` adds the pairs (place, text) from ARGV[first] on, and trims to `keep` places. */
export const APPENDING = `
local function index(place, change)
  local _, _, number, kind, session, execution = partsOf(place)
  change(INDEX .. 't:' .. kind, 0)
  change(INDEX .. 's:' .. session, 0)
  if execution ~= '' then change(INDEX .. 'x:' .. execution, number) end
end
local function append(first, keep)
  if not since and not filling then return end
  for i = first, #ARGV, 2 do
    local place = ARGV[i]
    if not since or tonumber(string.match(place, '^%d+')) >= since then
      redis.call('ZADD', TAIL, 0, place)
      redis.call('HSET', TEXT, place, ARGV[i + 1])
      index(place, function(key, score)
        redis.call('ZADD', key, score, place)
        if redis.call('ZCARD', key) == 1 then redis.call('PEXPIRE', key, 2 * TAIL_LIFE) end
      end)
    end
  end
  local over = redis.call('ZCARD', TAIL) - keep
  if not since or over <= 0 then return end
  for _, place in ipairs(redis.call('ZRANGE', TAIL, 0, over - 1)) do
    redis.call('ZREM', TAIL, place)
    redis.call('HDEL', TEXT, place)
    index(place, function(key) redis.call('ZREM', key, place) end)
    since = math.max(since, tonumber(string.match(place, '^%d+')) + 1)
  end
  redis.call('HSET', STATE, 'since', whole(since))
end
`;
