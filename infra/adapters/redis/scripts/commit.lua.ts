import { CHANGE } from "./change.lua.ts";

/**
 * Commits under an epoch.
 *   KEYS[1]   the execution
 *   ARGV[1,2] root, tenant
 *   ARGV[3]   execution id      ARGV[4]   epoch
 *   ARGV[5]   the sender        ARGV[6]   its number of this commit, which grows
 *   ARGV[7]   status            ARGV[8]   "1" when it is terminal        ARGV[9]  head
 *   ARGV[10]  "" keeps the execution; else it is let go, to wake at this time in ms, or at none when "never"
 *   ARGV[11]  "1" lets it go also with unread mail
 *   ARGV[12]  S, S x (position, body), then N, N x mail id that was read, then a change
 * Replies "committed <1 when it is still held> <1 when mail waits>", "fenced", "conflict <kind> <id>" or "refused sequence".
 * Delivered again: the execution knows its last commit by sender and number, with its reply, which is given again, also when
 * somebody has claimed the execution since. An earlier commit of the same sender is fenced, and one of an older epoch too.
 */
export const COMMIT = /* lua */ `${CHANGE}
local execution, id = KEYS[1], ARGV[3]
local meta = redis.call('HGET', execution, 'm')
if not meta then return 'fenced' end
local epoch, over, owner, status, sender, number, reply =
  string.match(meta, '^(%d+) (%d) (%S+) (%S+) (%S+) (%d+) (.*)$')
if sender == ARGV[5] and tonumber(ARGV[6]) <= tonumber(number) then
  return ARGV[6] == number and reply or 'fenced'
end
if epoch ~= ARGV[4] or over == '1' then return 'fenced' end

local function remember(o, w, s, answer)
  return epoch .. ' ' .. o .. ' ' .. w .. ' ' .. s .. ' ' .. ARGV[5] .. ' ' .. ARGV[6] .. ' ' .. answer
end
local read = 13 + 2 * ARGV[12]
local change = read + 1 + ARGV[read]
local refusal = checkChange(change)
if refusal then
  redis.call('HSET', execution, 'm', remember(over, owner, status, refusal))
  return refusal
end

local mailbox = tenant .. 'm:' .. id
push('HDEL', mailbox, read + 1, change - 1)
applyChange(change)
local mail = 0
if ARGV[8] == '1' then redis.call('DEL', mailbox) else mail = redis.call('EXISTS', mailbox) end
local held = ARGV[10] == '' or (mail == 1 and ARGV[11] ~= '1')
local ref = name .. ':' .. id
if ARGV[8] == '1' or not held then redis.call('ZREM', root .. 'held:' .. owner, ref) end
if ARGV[8] == '1' then redis.call('ZREM', tenant .. 'xl', id)
elseif not held and ARGV[10] ~= 'never' then redis.call('ZADD', root .. 'due', ARGV[10], ref) end
if not held then owner = '%-' end
if status ~= ARGV[7] then
  local no = string.match(redis.call('HGET', execution, 'c'), '^%d+')
  redis.call('ZREM', tenant .. 'xs:' .. status, id)
  redis.call('ZADD', tenant .. 'xs:' .. ARGV[7], no, id)
end
local answer = 'committed ' .. (held and '1 ' or '0 ') .. mail
redis.call('HSET', execution, 'm', remember(ARGV[8], owner, ARGV[7], answer), 'h', ARGV[9])
push('HSET', execution, 13, read - 1)
return answer
`;
