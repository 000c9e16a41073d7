import { PLACE, WALK_PLACES } from "./place.lua.ts";

/** How many entries of an index one call walks at the most, so that no listing holds Redis up. */
const WALK = 1_000;

/**
 * One execution with all its fields.   KEYS[1] the execution
 * Replies the fields and their values in turn; nothing when it is not there.
 */
export const READ_EXECUTION = /* lua */ `return redis.call('HGETALL', KEYS[1])`;

/**
 * Executions, newest first.
 *   KEYS      the indexes of the executions that match one of the conditions each: the smallest of them is walked
 *   ARGV[1]   the root of the tenant's keys
 *   ARGV[2]   limit               ARGV[3] the place to go on behind, or ""
 *   ARGV[4]   status or ""        ARGV[5] intent type or ""
 *   ARGV[6]   session id or ""    ARGV[7] "1" for those only that are not terminal
 * Replies [the place to go on behind, or "" at the end, then for each execution its place, its head and what has changed of that].
 * A place is the time of creation as a time key, and the id.
 */
export const LIST_EXECUTIONS = /* lua */ `
local tenant = ARGV[1]
${PLACE}${WALK_PLACES}
placeAll()
local index, limit, after, walked = smallestOf(KEYS), tonumber(ARGV[2]), ARGV[3], 0
local reply, found = { '' }, 0
local function take(place)
  local row = redis.call('HMGET', tenant .. 'x:' .. string.sub(place, 10), 'h', 'm', 'c', 'h+')
  -- One that is being forgotten.
  if not row[2] then return end
  local over, status = string.match(row[2], '^%d+ (%d) %S+ (%S+)')
  local session, kind = string.match(row[3], '^(%S+) (%S+)')
  if (ARGV[4] == '' or ARGV[4] == status) and (ARGV[5] == '' or ARGV[5] == kind)
    and (ARGV[6] == '' or ARGV[6] == session) and (ARGV[7] ~= '1' or over == '0') then
    reply[#reply + 1] = place
    reply[#reply + 1] = row[1]
    reply[#reply + 1] = row[4]
    found = found + 1
  end
end
local to = after == '' and '+' or '(' .. string.sub(after, 1, 8) .. '~'
while to do
  local places = {}
  local ended = buckets(index, true, '-', to, function(place) places[#places + 1] = place end)
  table.sort(places, function(a, b) return a > b end)
  for _, place in ipairs(places) do
    if after == '' or place < after then
      if found == limit or walked == ${WALK} then
        reply[1] = after
        return reply
      end
      take(place)
      after, walked = place, walked + 1
    end
  end
  to = ended and '(' .. ended
end
return reply
`;

/**
 * A part of a stream of the log.
 *   KEYS[1] the stream   KEYS[2] its execution
 *   ARGV[1] "newest" or "chronological"   ARGV[2] limit
 *   ARGV[3] after this sequence, or before it when the newest come first; "0" begins
 * Replies [the execution's constants, the hash in the element before, then the elements in the order of their sequences]; nothing
 * of an execution that is being forgotten.
 */
export const READ_STREAM = /* lua */ `
local limit, from, last = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[1] == 'chronological' then last = from + limit - 1
else
  last = (from == 0 and redis.call('LLEN', KEYS[1]) or from - 1) - 1
  from = math.max(0, last - limit + 1)
end
local constants, meta = unpack(redis.call('HMGET', KEYS[2], 'c', 'm'))
local reply = { constants, false }
if last < 0 or (constants and not meta) then return reply end
local elements = redis.call('LRANGE', KEYS[1], math.max(0, from - 1), last)
local first = 1
if from > 0 and #elements > 0 then
  reply[2] = string.match(elements[1], '^%S+')
  first = 2
end
for i = first, #elements do reply[#reply + 1] = elements[i] end
return reply
`;

/**
 * A part of a tenant's log.
 *   KEYS      the indexes of the entries that match one of the conditions each: the smallest of them is walked
 *   ARGV[1]   the root of the tenant's keys
 *   ARGV[2]   "newest" or "chronological"   ARGV[3] limit
 *   ARGV[4]   from, a time key or ""        ARGV[5] to, exclusive, a time key or ""
 *   ARGV[6]   the time and stream to go on behind, or ""   ARGV[7] the sequence to go on behind
 * Replies [time and stream to go on behind, or "" at the end, the sequence, then for each run of entries its time and stream, the
 * constants of its execution, how many entries, the hash in the element before, and the elements in the order of their sequences].
 * A place in such an index is: time key, stream, space, sequence. The note of its block says which entries it has there: how many
 * after that sequence the first is, semicolon, number of entries.
 */
export const READ_LOG = /* lua */ `
local tenant = ARGV[1]
${PLACE}${WALK_PLACES}
placeAll()
local newest, limit = ARGV[2] == 'newest', tonumber(ARGV[3])
local from, to, after, sequence = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local index, walked = smallestOf(KEYS), 0
local reply = { '', '0' }

-- The entries of a run that lie behind where the last call ended.
local function rest(run)
  if after == '' then return run.first, run.last end
  if run.head == after then
    if newest then return run.first, math.min(run.last, sequence - 1) end
    return math.max(run.first, sequence + 1), run.last
  end
  if (run.head < after) == newest then return run.first, run.last end
  return 1, 0
end

-- The runs of entries of the next buckets, sorted; and the last of these buckets.
local function nextRuns(lower, upper)
  local runs = {}
  local known, offset, count
  local ended = buckets(index, newest, lower, upper, function(place, note)
    local time, space = string.sub(place, 1, 9), string.find(place, ' ', 10, true)
    if time < from or (to ~= '' and time >= to) then return end
    if note ~= known then
      known = note
      offset, count = string.match(note, '^(%d+);(%d+)$')
    end
    local first = string.sub(place, space + 1) + offset
    runs[#runs + 1] = { head = string.sub(place, 1, space - 1), first = first, last = first + count - 1 }
  end)
  table.sort(runs, function(a, b)
    if newest then a, b = b, a end
    if a.head ~= b.head then return a.head < b.head end
    return a.first < b.first
  end)
  return runs, ended
end

local function take(run, first, last)
  local stream = string.sub(run.head, 10)
  local constants, meta = unpack(redis.call('HMGET', tenant .. 'x:' .. stream, 'c', 'm'))
  walked = walked + last - first + 1
  if constants and not meta then return end
  local elements = redis.call('LRANGE', tenant .. 'l:' .. stream, math.max(0, first - 2), last - 1)
  local skipped = first > 1 and 1 or 0
  reply[#reply + 1] = run.head
  reply[#reply + 1] = constants
  reply[#reply + 1] = tostring(#elements - skipped)
  reply[#reply + 1] = skipped == 1 and string.match(elements[1], '^%S+')
  for i = 1 + skipped, #elements do reply[#reply + 1] = elements[i] end
end

local function bound(key, behind, otherwise) return key == '' and otherwise or behind .. string.sub(key, 1, 8) end
local lower, upper = bound(from, '[', '-'), bound(to, '(', '+')
if upper ~= '+' then upper = upper .. '~' end
if newest then upper = after ~= '' and bound(after, '(') .. '~' or upper
else lower = bound(after, '[', lower) end
while true do
  local runs, ended = nextRuns(lower, upper)
  for _, run in ipairs(runs) do
    local first, last = rest(run)
    if first <= last then
      local room = math.min(limit, ${WALK}) - walked
      if room == 0 then
        reply[1], reply[2] = after, tostring(sequence)
        return reply
      end
      if newest then first = math.max(first, last - room + 1) else last = math.min(last, first + room - 1) end
      take(run, first, last)
      after, sequence = run.head, newest and first or last
      if walked == math.min(limit, ${WALK}) then
        reply[1], reply[2] = after, tostring(sequence)
        return reply
      end
    end
  end
  if not ended then return reply end
  if newest then upper = '(' .. ended else lower = '(' .. ended .. '~' end
end
`;

/**
 * One record.   KEYS[1] the record
 * Replies [meta, usable until, body].
 */
export const READ_RECORD = /* lua */ `return redis.call('HMGET', KEYS[1], 'm', 'u', 'b')`;

/**
 * Records of a listing, newest first.
 *   KEYS[1]   the listing         ARGV[1] where the records of the kind are: the key without the id
 *   ARGV[2]   limit               ARGV[3] upper bound, as ZRANGE BYLEX has it
 * Replies [number of all, then for each its member, meta, usable until, body].
 */
export const LIST_RECORDS = /* lua */ `
local reply = { tostring(redis.call('ZCARD', KEYS[1])) }
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], ARGV[3], '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[2])) do
  local row = redis.call('HMGET', ARGV[1] .. string.sub(member, 10), 'm', 'u', 'b')
  reply[#reply + 1] = member
  for i = 1, 3 do reply[#reply + 1] = row[i] end
end
return reply
`;

/**
 * What waits in a mailbox.   KEYS[1] the mailbox
 * Replies mail ids and their positions with bodies, in turn, in no order.
 */
export const READ_MAIL = /* lua */ `return redis.call('HGETALL', KEYS[1])`;
