import { REDIS_TIME } from "./time.lua.ts";

/** How much one call of a sweep does at the most, so that none holds Redis up. */
const BATCH = 1_000;

/** By so much an earlier beat tells that the worker's clock was set back, and not that it was overtaken on its way, ms. */
const SET_BACK = 1_000;

/** Proves that Redis takes writes.   KEYS[1] a key of its own, for a minute */
export const PROBE = /* lua */ `return redis.call('SET', KEYS[1], '1', 'PX', 60000)`;

/**
 * Says that a worker lives.
 *   KEYS[1] beats       KEYS[2] whether it is gone   KEYS[3] its last delivery, for ten minutes
 *   ARGV[1] worker id   ARGV[2] now, ms              ARGV[3] delivery
 * Replies the time of Redis, ms.
 * Delivered again, or late: changes nothing, nor does it bring back a worker that is gone.
 */
export const BEAT = /* lua */ `
local sender, number = string.match(ARGV[3], '^(.*):(%d+)$')
local last_sender, last = string.match(redis.call('GET', KEYS[3]) or '', '^(.*):(%d+)$')
local late = sender == last_sender and tonumber(number) <= tonumber(last)
if not late and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SET', KEYS[3], ARGV[3], 'PX', 600000)
  local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if before and tonumber(before) - tonumber(ARGV[2]) > ${SET_BACK} then redis.call('ZREM', KEYS[1], ARGV[1]) end
  redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
end
return ${REDIS_TIME}
`;

/**
 * Says that a worker is gone: it lives again only by a claim.
 *   KEYS[1] beats   KEYS[2] whether it is gone, for ten minutes   KEYS[3] what it holds   ARGV[1] worker id
 * Delivered again: it stays gone.
 */
export const RETIRE = /* lua */ `
redis.call('SET', KEYS[2], '1', 'PX', 600000)
if redis.call('EXISTS', KEYS[3]) == 1 then return redis.call('ZADD', KEYS[1], '-inf', ARGV[1]) end
return redis.call('ZREM', KEYS[1], ARGV[1])
`;

/**
 * What is due.   KEYS[1] due   ARGV[1] now, ms   ARGV[2] limit
 * Replies the names of executions, the longest due first.
 */
export const DUE = /* lua */ `return redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])`;

/**
 * What silent workers hold.
 *   KEYS[1] beats   ARGV[1] where the held are: the key without the worker   ARGV[2] alive since, ms   ARGV[3] limit
 * Replies the time of Redis, ms, and the names of executions. Forgets silent workers that hold nothing: they are known again when they beat or accept.
 */
export const ABANDONED = /* lua */ `
local reply, limit, looked = { ${REDIS_TIME} }, tonumber(ARGV[3]) + 1, 0
while #reply < limit and looked < ${BATCH} do
  local silent = redis.call('ZRANGE', KEYS[1], '-inf', '(' .. ARGV[2], 'BYSCORE', 'LIMIT', looked, 100)
  local idle = {}
  for _, worker in ipairs(silent) do
    local held = {}
    if #reply < limit then held = redis.call('ZRANGE', ARGV[1] .. worker, 0, limit - #reply - 1) end
    for _, ref in ipairs(held) do reply[#reply + 1] = ref end
    if #held == 0 and #reply < limit then idle[#idle + 1] = worker else looked = looked + 1 end
  end
  if #idle > 0 then redis.call('ZREM', KEYS[1], unpack(idle)) end
  if #silent < 100 then return reply end
end
return reply
`;

/**
 * Messages that wait to be published, in the order in which they were committed.
 *   KEYS[1] outbox   KEYS[2] messages
 *   ARGV[1] limit    ARGV[2] after this position   ARGV[3...] ordering keys to leave out
 * Replies [where to go on, or "" at the end, then event ids and messages in turn].
 */
export const UNPUBLISHED = /* lua */ `
local limit, last, walked = tonumber(ARGV[1]), ARGV[2], 0
local except = {}
for i = 3, #ARGV do except[ARGV[i]] = true end
local reply, found = { '' }, 0
while found < limit and walked < ${BATCH} do
  local chunk = math.min(math.max(limit - found, #ARGV > 2 and 100 or 0), ${BATCH})
  local ids = redis.call('ZRANGE', KEYS[1], '(' .. last, '+inf', 'BYSCORE', 'LIMIT', 0, chunk)
  if #ids == 0 then return reply end
  local messages = redis.call('HMGET', KEYS[2], unpack(ids))
  local taken
  for i, message in ipairs(messages) do
    if found == limit then break end
    taken = ids[i]
    if not except[string.match(message, '^%S+')] then
      reply[#reply + 1] = taken
      reply[#reply + 1] = message
      found = found + 1
    end
  end
  walked = walked + #ids
  if #ids < chunk and taken == ids[#ids] then return reply end
  last = redis.call('ZSCORE', KEYS[1], taken)
end
reply[1] = last
return reply
`;

/**
 * Marks messages as published, and lets go of what they said.
 *   KEYS[1] outbox   KEYS[2] messages   KEYS[3] published   ARGV[1] when, ms   ARGV[2...] event ids
 * A member of published is: position of a message, space, how many were marked with it.
 * Delivered again: the first mark counts.
 */
export const MARK_PUBLISHED = /* lua */ `
for i = 2, #ARGV, 1000 do
  local last = math.min(i + 999, #ARGV)
  local waiting, first = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, i, last)), nil
  for at = 1, #waiting do first = first or waiting[at] end
  if first then
    local count = redis.call('ZREM', KEYS[1], unpack(ARGV, i, last))
    redis.call('HDEL', KEYS[2], unpack(ARGV, i, last))
    redis.call('ZADD', KEYS[3], ARGV[1], first .. ' ' .. string.format('%d', count))
  end
end
return 'marked'
`;

/**
 * Drops a batch of what is over.
 *   KEYS[1] the delivery, remembered here   KEYS[2] published   KEYS[3] idempotency keys by their ends
 *   ARGV[1] root   ARGV[2] published before, ms   ARGV[3] now, ms
 * Replies "<how many went> <1 when there may be more>".
 * Delivered again: the reply is remembered under its delivery for ten minutes.
 */
export const PURGE = /* lua */ `
local answered = redis.call('GET', KEYS[1])
if answered then return answered end
local function over(key, bound)
  return redis.call('ZRANGE', key, '-inf', bound, 'BYSCORE', 'LIMIT', 0, ${BATCH})
end
local published, keys = over(KEYS[2], '(' .. ARGV[2]), over(KEYS[3], ARGV[3])
if #published > 0 then redis.call('ZREM', KEYS[2], unpack(published)) end
for _, member in ipairs(keys) do
  local name, key = string.match(member, '^([^:]*):(.*)$')
  redis.call('HDEL', ARGV[1] .. 't:' .. name .. ':k', key)
end
if #keys > 0 then redis.call('ZREM', KEYS[3], unpack(keys)) end
local more = #published == ${BATCH} or #keys == ${BATCH}
local gone = #keys
for _, member in ipairs(published) do gone = gone + string.match(member, '%d+$') end
local answer = string.format('%d', gone) .. (more and ' 1' or ' 0')
redis.call('SET', KEYS[1], answer, 'PX', 600000)
return answer
`;
