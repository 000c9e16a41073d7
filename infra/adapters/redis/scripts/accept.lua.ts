import { CHANGE, OF_EXECUTION, PLAIN_CHANGE } from "./change.lua.ts";

/**
 * Accepts an execution under epoch 1.
 *   KEYS[1]   the execution                KEYS[2] the record that it requires
 *   ARGV[1]   words: worker id (the acceptor), "1" when it is terminal, time of creation in ms, when what it requires must be usable
 *             in ms, until when to prolong that in ms, N
 *   ARGV[2]   words: delivery, idempotency key or "%-", its digest, when it expires in ms
 *   ARGV[3]   where a plain change (change.lua.ts) has its first entry, or ""   ARGV[4] its last
 *   ARGV[5]   N words: fields of the execution and their values, then a change
 * Fields of an execution are: m what changes (commit.lua.ts), c words that do not: session, intent type, acceptor, saga, trace; i the
 * intent; h the head, each step by its position; "h+" and a position with "+": what has changed of them since they were
 * written, "" for nothing.
 * Replies "accepted", "duplicate <execution id>", "mismatch <execution id>", "unmet", "conflict <kind> <id>",
 * "refused sequence" or "refused execution" for an id that another worker's execution has.
 * Delivered again: the execution is there and names its acceptor, who is answered "accepted", also when it was forgotten in the last
 * ten minutes; a refusal is remembered with its delivery for ten minutes, in the execution's place.
 */
export const ACCEPT = /* lua */ `${OF_EXECUTION}
local execution, required = KEYS[1], KEYS[2]
local worker, ends, createdMs, usableAt, prolongTo, fields =
  string.match(ARGV[1], '^(%S+) (%d) (%d+) (%S+) (%d+) (%d+)$')
local known, refused = unpack(redis.call('HMGET', execution, 'c', 'r'))
if known and string.match(known, '^%S+ %S+ (%S+)') == worker then return 'accepted' end
local delivery, key, digest, expires = string.match(ARGV[2], '^(%S+) (%S+) (%S+) (%d+)$')
if refused then
  local before, reply = string.match(refused, '^(%S+) (.*)$')
  if before == delivery then return reply end
end

local function refuse(reply)
  if not known then
    redis.call('HSET', execution, 'r', delivery .. ' ' .. reply)
    redis.call('PEXPIRE', execution, 600000)
  end
  return reply
end
if key ~= '%-' then
  local first = redis.call('HGET', tenant .. 'k', key)
  local until_, same, winner = string.match(first or '', '^(%d+) (%S+) (%S+)$')
  if winner and tonumber(until_) > tonumber(createdMs) then
    return refuse((same == digest and 'duplicate ' or 'mismatch ') .. winner)
  end
end
local requirement = redis.call('HMGET', required, 'm', 'u')
local usable = requirement[2] and tonumber(requirement[2])
if not requirement[1] or (usable and usable <= tonumber(usableAt)) then return refuse('unmet') end
local change = 5 + fields
local first, last, place, apply = tonumber(ARGV[3]), tonumber(ARGV[4]), ''
if not first then
  ${CHANGE}
  local refusal = checkChange(change, id, 0)
  if refusal then return refuse(refusal) end
  apply = applyChange
end
if known then return 'refused execution' end

if usable and usable < tonumber(prolongTo) then redis.call('HSET', required, 'u', prolongTo) end
if key ~= '%-' then
  redis.call('HSET', tenant .. 'k', key, expires .. ' ' .. digest .. ' ' .. id)
  redis.call('ZADD', root .. 'keys', expires, name .. ':' .. key)
end
if refused then redis.call('DEL', execution) end
redis.call('SADD', root .. 'tenants', name)
for i = 5, change - 1, 1000 do redis.call('HSET', execution, unpack(ARGV, i, math.min(i + 999, change - 1))) end
if ends == '0' then
  redis.call('ZADD', root .. 'held:' .. worker, createdMs, name .. ':' .. id)
  redis.call('ZADD', root .. 'beats', 'NX', '-inf', worker)
end
if apply then apply(place)
else
  ${PLAIN_CHANGE}
end
return 'accepted'
`;
