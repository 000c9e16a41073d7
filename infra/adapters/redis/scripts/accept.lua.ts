import { CHANGE } from "./change.lua.ts";

/**
 * Accepts an execution under epoch 1.
 *   KEYS[1]   the execution
 *   ARGV[1,2] root, tenant
 *   ARGV[3]   execution id          ARGV[4]   worker id, the acceptor
 *   ARGV[5]   delivery              ARGV[6]   time of creation, ms     ARGV[7] the same as a time key
 *   ARGV[8]   session id            ARGV[9]   intent type
 *   ARGV[10]  status                ARGV[11]  "1" when it is terminal  ARGV[12] number of entries of its own log
 *   ARGV[13]  idempotency key or "" ARGV[14]  digest       ARGV[15] expires, ms
 *   ARGV[16]  required kind         ARGV[17]  required id  ARGV[18] usable at, ms   ARGV[19] prolong to, ms
 *   ARGV[20]  N, N words: fields of the execution and their values (i intent, h head, steps by position), then a change
 * Replies "accepted", "duplicate <execution id>", "mismatch <execution id>", "unmet", "conflict <kind> <id>",
 * "refused sequence" or "refused execution" for an id that another worker's execution has.
 * Delivered again: the execution is there and names its acceptor, who is answered "accepted"; a refusal is remembered with its
 * delivery for ten minutes, in the execution's place.
 */
export const ACCEPT = /* lua */ `${CHANGE}
local execution, id, worker = KEYS[1], ARGV[3], ARGV[4]
local known, refused = unpack(redis.call('HMGET', execution, 'c', 'r'))
if known and string.match(known, '%S+$') == worker then return 'accepted' end
if refused then
  local delivery, reply = string.match(refused, '^(%S+) (.*)$')
  if delivery == ARGV[5] then return reply end
end

local function refuse(reply)
  if not known then
    redis.call('HSET', execution, 'r', ARGV[5] .. ' ' .. reply)
    redis.call('PEXPIRE', execution, 600000)
  end
  return reply
end
if ARGV[13] ~= '' then
  local first = redis.call('HGET', tenant .. 'k', ARGV[13])
  local expires, digest, winner = string.match(first or '', '^(%d+) (%S+) (%S+)$')
  if winner and tonumber(expires) > tonumber(ARGV[6]) then
    return refuse((digest == ARGV[14] and 'duplicate ' or 'mismatch ') .. winner)
  end
end
local required = tenant .. 'r:' .. ARGV[16] .. ':' .. ARGV[17]
local requirement = redis.call('HMGET', required, 'm', 'u')
local usable = requirement[2] and tonumber(requirement[2])
if not requirement[1] or (usable and usable <= tonumber(ARGV[18])) then return refuse('unmet') end
local change = 21 + ARGV[20]
local refusal = checkChange(change, id, 0)
if refusal then return refuse(refusal) end
if known then return 'refused execution' end

if usable and usable < tonumber(ARGV[19]) then redis.call('HSET', required, 'u', ARGV[19]) end
if ARGV[13] ~= '' then
  redis.call('HSET', tenant .. 'k', ARGV[13], ARGV[15] .. ' ' .. ARGV[14] .. ' ' .. id)
  redis.call('ZADD', root .. 'keys', ARGV[15], name .. ':' .. ARGV[13])
end
if refused then redis.call('DEL', execution) end
local sender, number = string.match(ARGV[5], '^(.*):(%d+)$')
local meta = table.concat({ '1', ARGV[11], worker, ARGV[10], ARGV[7], '0', ARGV[12], sender, number, '-' }, ' ')
local constant = ARGV[8] .. ' ' .. ARGV[9] .. ' ' .. worker
redis.call('HSET', execution, 'c', constant, 'm', meta, unpack(ARGV, 21, math.min(change - 1, 1020)))
push('HSET', execution, 1021, change - 1)
if ARGV[11] == '0' then
  redis.call('ZADD', root .. 'held:' .. worker, ARGV[6], name .. ':' .. id)
  redis.call('ZADD', root .. 'beats', 'NX', '-inf', worker)
end
applyChange(change, '')
return 'accepted'
`;
