import { OF_EXECUTION } from "./change.lua.ts";

/**
 * Claims an execution under a new epoch.
 *   KEYS[1]   the execution
 *   ARGV[1]   worker id   ARGV[2] delivery
 *   ARGV[3]   now, ms     ARGV[4] since when a holder must have beaten to count as alive, ms
 * Replies ["absent"], ["terminal"], ["held"], or ["claimed", epoch, then all fields of the execution with their values].
 * Delivered again: the answer is remembered under its delivery for ten minutes. A claim that was refused stays refused, and one
 * that succeeded gives the execution again while nobody has claimed it since; otherwise "held".
 */
export const CLAIM = /* lua */ `${OF_EXECUTION}
local execution, worker = KEYS[1], ARGV[1]
local delivery = root .. 'd:' .. ARGV[2]
local answered = redis.call('GET', delivery)
local meta = redis.call('HGET', execution, 'm')
local epoch, over, owner, rest = string.match(meta or '', '^(%d+) (%d) (%S+) (.*)$')

local function snapshot(e)
  local reply = redis.call('HGETALL', execution)
  table.insert(reply, 1, 'claimed')
  table.insert(reply, 2, e)
  return reply
end
local function answer(text)
  redis.call('SET', delivery, text, 'PX', 600000)
  return { text }
end

if answered == epoch and over == '0' then return snapshot(epoch) end
if answered then return { tonumber(answered) and 'held' or answered } end
if not meta then return answer('absent') end
if over == '1' then return answer('terminal') end
if owner ~= '%-' and owner ~= worker then
  local beat = redis.call('ZSCORE', root .. 'beats', owner)
  if beat and tonumber(beat) >= tonumber(ARGV[4]) then return answer('held') end
end

local ref = name .. ':' .. id
if owner == '%-' then redis.call('ZREM', root .. 'due', ref) else redis.call('ZREM', root .. 'held:' .. owner, ref) end
local created = string.match(rest, '^%S+ (%S+)')
redis.call('ZADD', root .. 'held:' .. worker, string.format('%d', tonumber(created, 36)), ref)
redis.call('ZADD', root .. 'beats', 'GT', ARGV[3], worker)
redis.call('DEL', root .. 'gone:' .. worker)
local raised = string.format('%d', epoch + 1)
redis.call('HSET', execution, 'm', raised .. ' 0 ' .. worker .. ' ' .. rest)
answer(raised)
return snapshot(raised)
`;
