import { CHANGE, OF_EXECUTION } from "./change.lua.ts";

/**
 * Accepts an execution under epoch 1.
 *   KEYS[1]   the execution
 *   ARGV[1]   words: worker id (the acceptor), delivery, time of creation as a time key, session id, intent type, status, "1" when
 *             that is terminal, idempotency key or "%-", its digest, when it expires in ms, required kind, required id, when that
 *             must be usable in ms, until when to prolong it in ms, saga id and trace id or "%-", N
 *   ARGV[2]   N words: fields of the execution and their values, then a change
 * Fields of an execution are: m what changes (commit.lua.ts), c words that do not: session, intent type, acceptor, saga, trace; i the
 * intent; h the head, each step by its position; "h+" and a position with "+": what has changed of them since they were
 * written, "" for nothing.
 * Replies "accepted", "duplicate <execution id>", "mismatch <execution id>", "unmet", "conflict <kind> <id>",
 * "refused sequence" or "refused execution" for an id that another worker's execution has.
 * Delivered again: the execution is there and names its acceptor, who is answered "accepted", also when it was forgotten in the last
 * ten minutes; a refusal is remembered with its delivery for ten minutes, in the execution's place.
 */
export const ACCEPT = /* lua */ `${OF_EXECUTION}${CHANGE}
local execution = KEYS[1]
local worker, delivery, created, session, kind, status, ends, key, digest, expires, requiredKind, requiredId, usableAt, prolongTo,
  saga, trace, fields = string.match(ARGV[1], '^' .. string.rep('(%S+) ', 16) .. '(%d+)$')
local known, refused = unpack(redis.call('HMGET', execution, 'c', 'r'))
if known and string.match(known, '^%S+ %S+ (%S+)') == worker then return 'accepted' end
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
local createdMs = tonumber(created, 36)
if key ~= '%-' then
  local first = redis.call('HGET', tenant .. 'k', key)
  local until_, same, winner = string.match(first or '', '^(%d+) (%S+) (%S+)$')
  if winner and tonumber(until_) > createdMs then
    return refuse((same == digest and 'duplicate ' or 'mismatch ') .. winner)
  end
end
local required = tenant .. 'r:' .. requiredKind .. ':' .. requiredId
local requirement = redis.call('HMGET', required, 'm', 'u')
local usable = requirement[2] and tonumber(requirement[2])
if not requirement[1] or (usable and usable <= tonumber(usableAt)) then return refuse('unmet') end
local change = 2 + fields
local refusal, entries = checkChange(change, id, 0)
if refusal then return refuse(refusal) end
if known then return 'refused execution' end

if usable and usable < tonumber(prolongTo) then redis.call('HSET', required, 'u', prolongTo) end
if key ~= '%-' then
  redis.call('HSET', tenant .. 'k', key, expires .. ' ' .. digest .. ' ' .. id)
  redis.call('ZADD', root .. 'keys', expires, name .. ':' .. key)
end
if refused then redis.call('DEL', execution) end
local sender, number = string.match(delivery, '^(.*):(%d+)$')
local meta = table.concat(
  { '1', ends, worker, status, created, '0', string.format('%d', entries), sender, number, '-' }, ' ')
local constant = table.concat({ session, kind, worker, saga, trace }, ' ')
redis.call('SADD', root .. 'tenants', name)
redis.call('HSET', execution, 'c', constant, 'm', meta, unpack(ARGV, 2, math.min(change - 1, 1001)))
push('HSET', execution, 1002, change - 1)
if ends == '0' then
  redis.call('ZADD', root .. 'held:' .. worker, string.format('%d', createdMs), name .. ':' .. id)
  redis.call('ZADD', root .. 'beats', 'NX', '-inf', worker)
end
applyChange('')
return 'accepted'
`;
