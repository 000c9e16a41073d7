import { OF_EXECUTION } from "./change.lua.ts";
import { BUCKET, PLACE } from "./place.lua.ts";

/** How many entries one call forgets at the most, so that none holds Redis up. */
const BATCH = 200;
/** How many keys of a set one call looks at, about. */
const SCAN = 500;

/**
 * Forgets an ended execution: its state first, so that nobody reads half of it, then its log from its end, then its places. What is left
 * for ten minutes is its constants, a tombstone: whatever is delivered late finds that the execution was there, and nothing
 * that it could change.
 *   KEYS[1] the execution   KEYS[2] the names of tenants
 * Replies "unfinished", "more" when it must be called again, or "forgotten", also for what is not there.
 * Delivered again: goes on where the call before ended, or finds nothing left to do. Meanwhile the field f has status and time of
 * creation.
 */
export const FORGET = /* lua */ `${OF_EXECUTION}
${PLACE}
local meta, constants, forgetting = unpack(redis.call('HMGET', KEYS[1], 'm', 'c', 'f'))
if meta then
  local over, status, created = string.match(meta, '^%d+ (%d) %S+ (%S+) (%S+)')
  if over ~= '1' then return 'unfinished' end
  forgetting = status .. ' ' .. created
  redis.call('DEL', KEYS[1], tenant .. 'm:' .. id)
  redis.call('HSET', KEYS[1], 'c', constants, 'f', forgetting)
elseif not forgetting then return 'forgotten' end
local status, created = string.match(forgetting, '^(%S+) (%S+)$')
local session, kind = string.match(constants, '^(%S+) (%S+)')
placeAll()

-- Takes places out of the blocks of a bucket: those that are one text, or begin with it behind their time.
local function cut(index, bucket, place, start)
  local key = tenant .. index
  for _, block in ipairs(redis.call('ZRANGE', key, '[' .. bucket, '(' .. bucket .. '~', 'BYLEX')) do
    if string.find(block, id, 1, true) then
      local left, count = {}, 0
      for line in string.gmatch(block, '[^\\n]+') do
        count = count + 1
        if count == 1 or not (line == place or (start and string.sub(line, 10, 9 + #start) == start)) then
          left[#left + 1] = line
        end
      end
      if #left < count then
        redis.call('ZREM', key, block)
        if #left > 1 then redis.call('ZADD', key, 0, table.concat(left, '\\n')) end
      end
    end
  end
end

local stream = tenant .. 'l:' .. id
local elements = redis.call('LRANGE', stream, -${BATCH}, -1)
local done = {}
local function cutOnce(index, bucket)
  if done[index .. ' ' .. bucket] then return end
  done[index .. ' ' .. bucket] = true
  cut(index, bucket, nil, id .. ' ')
end
for _, element in ipairs(elements) do
  local hash, time, type, fifth = string.match(element, '^(%S+) %d+ (%S+) (%S+) (%S+)')
  local bucket, owner = string.sub(time, 1, ${BUCKET}), hash == '%-' and fifth or session
  cutOnce('lt', bucket)
  cutOnce('ly:' .. type, bucket)
  if owner ~= '%-' then cutOnce('ln:' .. owner, bucket) end
end
if #elements > 0 then redis.call('LTRIM', stream, 0, -1 - #elements) end
if #elements == ${BATCH} then return 'more' end

for _, index in ipairs({ 'xa', 'xt:' .. kind, 'xs:' .. status, 'xn:' .. session }) do
  cut(index, string.sub(created, 1, ${BUCKET}), created .. id)
end
redis.call('HDEL', KEYS[1], 'f')
redis.call('PEXPIRE', KEYS[1], 600000)
if redis.call('EXISTS', tenant .. 'lt', tenant .. 'xa') == 0 then redis.call('SREM', KEYS[2], name) end
return 'forgotten'
`;

/**
 * Some of the names of tenants that have a log.
 *   KEYS[1] the names of tenants   ARGV[1] where to go on, "0" to begin
 * Replies [where to go on, or "0" at the end, then names, which may come again].
 */
export const TENANTS = /* lua */ `
local reply = redis.call('SSCAN', KEYS[1], ARGV[1], 'COUNT', ${SCAN})
local names = reply[2]
table.insert(names, 1, reply[1])
return names
`;
