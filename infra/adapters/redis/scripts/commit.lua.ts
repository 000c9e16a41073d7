import { CHANGE } from "./change.lua.ts";

/**
 * Commits under an epoch.
 *   KEYS[1]   the execution
 *   ARGV[1,2] root, tenant
 *   ARGV[3]   execution id      ARGV[4]   epoch
 *   ARGV[5]   the sender        ARGV[6]   its number of this commit, which grows
 *   ARGV[7]   status            ARGV[8]   "1" when it is terminal
 *   ARGV[9]   "" keeps the execution; else it is let go, to wake at this time in ms, or at none when "never"
 *   ARGV[10]  "1" lets it go also with unread mail
 *   ARGV[11]  N, N words: fields of the execution and their values (h head, steps by position)
 *             then K, K x mail id that was read, then a change
 * Replies "committed <1 when it is still held> <1 when mail waits>", "fenced", "conflict <kind> <id>" or "refused sequence".
 * Delivered again: the execution knows its last commit by sender and number, with its reply, which is given again, also when
 * somebody has claimed the execution since. An earlier commit of the same sender is fenced, and one of an older epoch too.
 * The field m is: epoch, whether terminal, owner, status, time of creation, unread letters, entries of its log, and of the last
 * commit (at first: of the acceptance) the sender, the number and the reply.
 */
export const COMMIT = /* lua */ `${CHANGE}
local execution, id = KEYS[1], ARGV[3]
local META = '^(%d+) (%d) (%S+) (%S+) (%S+) (%d+) (%d+) (%S+) (%d+) (.*)$'
local meta = redis.call('HGET', execution, 'm')
if not meta then return 'fenced' end
local epoch, over, owner, status, created, letters, length, sender, number, reply = string.match(meta, META)
if sender == ARGV[5] and tonumber(ARGV[6]) <= tonumber(number) then
  return ARGV[6] == number and reply or 'fenced'
end
if over == '1' then return 'fenced' end

local function remember(o, w, s, answer)
  return table.concat({ epoch, o, w, s, created, letters, length, ARGV[5], ARGV[6], answer }, ' ')
end
if epoch ~= ARGV[4] then
  -- An epoch that was never given out may be given out by the time that this is delivered again.
  if tonumber(epoch) < tonumber(ARGV[4]) then
    redis.call('HSET', execution, 'm', remember(over, owner, status, 'fenced'))
  end
  return 'fenced'
end
local read = 12 + ARGV[11]
local change = read + 1 + ARGV[read]
local refusal, entries = checkChange(change, id, tonumber(length))
if refusal then
  redis.call('HSET', execution, 'm', remember(over, owner, status, refusal))
  return refusal
end

local places, terminal = '', ARGV[8] == '1'
if terminal then places = '-xl,-xs:' .. status .. ',+xs:' .. ARGV[7] .. '  ' .. created .. id
elseif status ~= ARGV[7] then places = '-xs:' .. status .. ',=xs:' .. ARGV[7] .. '  ' .. created .. id end
local mailbox = tenant .. 'm:' .. id
length = string.format('%d', entries)
local gone = 0
for i = read + 1, change - 1 do gone = gone + redis.call('HDEL', mailbox, ARGV[i]) end
if applyChange(change, places) then
  -- Some of the mail may be to itself.
  local _
  _, _, _, _, _, letters = string.match(redis.call('HGET', execution, 'm'), META)
end
letters = letters - gone
local ref = name .. ':' .. id
if terminal and letters > 0 then
  redis.call('DEL', mailbox)
  letters = 0
end
letters = string.format('%d', letters)
local held = ARGV[9] == '' or (letters ~= '0' and ARGV[10] ~= '1')
if terminal or not held then redis.call('ZREM', root .. 'held:' .. owner, ref) end
if not terminal and not held and ARGV[9] ~= 'never' then redis.call('ZADD', root .. 'due', ARGV[9], ref) end
if not held then owner = '%-' end
local answer = 'committed ' .. (held and '1 ' or '0 ') .. (letters ~= '0' and '1' or '0')
redis.call('HSET', execution, 'm', remember(ARGV[8], owner, ARGV[7], answer), unpack(ARGV, 12, math.min(read - 1, 1011)))
push('HSET', execution, 1012, read - 1)
return answer
`;
