import { CHANGE, OF_EXECUTION, PLAIN_CHANGE } from "./change.lua.ts";

/**
 * Commits under an epoch.
 *   KEYS[1]   the execution
 *   ARGV[1]   words: the epoch, the sender, its number of this commit, which grows, the status, "1" when that is terminal,
 *             until when to let the execution go: "keep", a time in ms, or "never", "1" to let it go also with unread mail, N, K
 *   ARGV[2]   what field m said after the last commit of the sender, where it knows that and the change is plain (change.lua.ts), or ""
 *   ARGV[3]   where a plain change has its first entry    ARGV[4] its last
 *   ARGV[5]   the line of places that the change of status makes, or ""   ARGV[6] who holds it, when this ends it, or ""
 *   ARGV[7]   "m"   ARGV[8] what m becomes   ARGV[9] N words: fields of the execution and their values (accept.lua.ts), then K mail
 *             ids that were read, then a change
 * Replies "committed <1 when it is still held> <1 when mail waits>", "fenced", "conflict <kind> <id>" or "refused sequence".
 * Where m says what the sender knows, nothing has happened since, neither claim nor mail nor another commit: then it is also known
 * what there is to write, and nothing is looked into. All else goes the long way.
 * Delivered again: m says something else by then. The execution knows its last commit by sender and number, with its reply, which is
 * given again, also when somebody has claimed the execution since. An earlier commit of the same sender is fenced, and one of an older
 * epoch too.
 * The field m is: epoch, whether terminal, owner, status, time of creation, unread letters, entries of its log, and of the last
 * commit (at first: of the acceptance) the sender, the number and the reply.
 */
export const COMMIT = /* lua */ `${OF_EXECUTION}
local execution = KEYS[1]
local meta = redis.call('HGET', execution, 'm')
if not meta then return 'fenced' end
if meta == ARGV[2] then
  local first, last, place, holder = ARGV[3] + 0, ARGV[4] + 0, ARGV[5], ARGV[6]
  redis.call('HSET', execution, unpack(ARGV, 7, first - 2))
  ${PLAIN_CHANGE}
  if holder == '' then return 'committed 1 0' end
  redis.call('ZREM', root .. 'held:' .. holder, name .. ':' .. id)
  return 'committed 0 0'
end

${CHANGE}
local META = '^(%d+) (%d) (%S+) (%S+) (%S+) (%d+) (%d+) (%S+) (%d+) (.*)$'
local under, by, nth, becomes, ends, wake, evenWithMail, fields, reads =
  string.match(ARGV[1], '^(%d+) (%S+) (%d+) (%S+) (%d) (%S+) (%d) (%d+) (%d+)$')
local epoch, over, owner, status, created, unread, length, sender, number, reply = string.match(meta, META)
if sender == by and tonumber(nth) <= tonumber(number) then
  return nth == number and reply or 'fenced'
end
if over == '1' then return 'fenced' end

local function remember(o, w, s, answer)
  return table.concat({ epoch, o, w, s, created, unread, length, by, nth, answer }, ' ')
end
if epoch ~= under then
  -- An epoch that was never given out may be given out by the time that this is delivered again.
  if tonumber(epoch) < tonumber(under) then
    redis.call('HSET', execution, 'm', remember(over, owner, status, 'fenced'))
  end
  return 'fenced'
end
local read = 9 + fields
local change = read + reads
local refusal, entries = checkChange(change, id, tonumber(length))
if refusal then
  redis.call('HSET', execution, 'm', remember(over, owner, status, refusal))
  return refusal
end

local place, terminal = '', ends == '1'
if terminal then place = '-xl,-xs:' .. status .. ',+xs:' .. becomes .. '  ' .. created .. id
elseif status ~= becomes then place = '-xs:' .. status .. ',=xs:' .. becomes .. '  ' .. created .. id end
local mailbox = tenant .. 'm:' .. id
length = string.format('%d', entries)
local gone = 0
for i = read, change - 1 do gone = gone + redis.call('HDEL', mailbox, ARGV[i]) end
if applyChange(place) then
  -- Some of the mail may be to itself.
  local _
  _, _, _, _, _, unread = string.match(redis.call('HGET', execution, 'm'), META)
end
unread = unread - gone
local ref = name .. ':' .. id
if terminal and unread > 0 then
  redis.call('DEL', mailbox)
  unread = 0
end
unread = string.format('%d', unread)
local held = wake == 'keep' or (unread ~= '0' and evenWithMail ~= '1')
if terminal or not held then redis.call('ZREM', root .. 'held:' .. owner, ref) end
if not terminal and not held and wake ~= 'never' then redis.call('ZADD', root .. 'due', wake, ref) end
if not held then owner = '%-' end
local answer = 'committed ' .. (held and '1 ' or '0 ') .. (unread ~= '0' and '1' or '0')
redis.call('HSET', execution, 'm', remember(ends, owner, becomes, answer), unpack(ARGV, 9, math.min(read - 1, 1008)))
push('HSET', execution, 1009, read - 1)
return answer
`;
