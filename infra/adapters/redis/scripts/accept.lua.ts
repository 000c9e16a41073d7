import { CHANGE } from "./change.lua.ts";

/**
 * Accepts an execution under epoch 1.
 *   KEYS[1]   the execution
 *   ARGV[1,2] root, tenant
 *   ARGV[3]   execution id          ARGV[4]   worker id, the acceptor
 *   ARGV[5]   delivery              ARGV[6]   time of creation, ms
 *   ARGV[7]   session id            ARGV[8]   intent type
 *   ARGV[9]   status                ARGV[10]  "1" when it is terminal
 *   ARGV[11]  head                  ARGV[12]  intent
 *   ARGV[13]  idempotency key or "" ARGV[14]  digest       ARGV[15] expires, ms
 *   ARGV[16]  required kind         ARGV[17]  required id  ARGV[18] usable at, ms   ARGV[19] prolong to, ms
 *   ARGV[20]  S, S x (position, body), then a change
 * Replies "accepted", "duplicate <execution id>", "mismatch <execution id>", "unmet", "conflict <kind> <id>",
 * "refused sequence" or "refused execution" for an id that another worker's execution has.
 * Delivered again: the execution is there and names its acceptor, who is answered "accepted"; what was refused and might not be
 * by now is remembered under its delivery for ten minutes.
 */
export const ACCEPT = /* lua */ `${CHANGE}
local execution, id, worker = KEYS[1], ARGV[3], ARGV[4]
local known = redis.call('HGET', execution, 'c')
if known and string.match(known, '%S+$') == worker then return 'accepted' end

local delivery = root .. 'd:' .. ARGV[5]
local function refuse(reply)
  redis.call('SET', delivery, reply, 'PX', 600000)
  return reply
end
local answered = redis.call('GET', delivery)
if answered then return answered end

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
local change = 21 + 2 * ARGV[20]
local refusal = checkChange(change)
if refusal then return refuse(refusal) end
if known then return 'refused execution' end

if usable and usable < tonumber(ARGV[19]) then redis.call('HSET', required, 'u', ARGV[19]) end
if ARGV[13] ~= '' then
  redis.call('HSET', tenant .. 'k', ARGV[13], ARGV[15] .. ' ' .. ARGV[14] .. ' ' .. id)
  redis.call('ZADD', root .. 'keys', ARGV[15], name .. ':' .. ARGV[13])
end
local no = string.format('%d', redis.call('INCR', tenant .. 'n'))
redis.call('HSET', execution,
  'c', no .. ' ' .. ARGV[7] .. ' ' .. ARGV[8] .. ' ' .. worker,
  'm', '1 ' .. ARGV[10] .. ' ' .. worker .. ' ' .. ARGV[9] .. ' - 0 -',
  'h', ARGV[11], 'i', ARGV[12])
push('HSET', execution, 21, change - 1)
redis.call('ZADD', tenant .. 'xa', no, id)
redis.call('ZADD', tenant .. 'xt:' .. ARGV[8], no, id)
redis.call('ZADD', tenant .. 'xn:' .. ARGV[7], no, id)
redis.call('ZADD', tenant .. 'xs:' .. ARGV[9], no, id)
if ARGV[10] == '0' then
  redis.call('ZADD', tenant .. 'xl', no, id)
  redis.call('ZADD', root .. 'held:' .. worker, no, name .. ':' .. id)
  redis.call('ZADD', root .. 'beats', 'NX', '-inf', worker)
end
applyChange(change)
return 'accepted'
`;
