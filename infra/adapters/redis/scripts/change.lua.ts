import { PLACE } from "./place.lua.ts";

/** How many commits the queue of places holds at the most: whoever makes it that long empties it. */
const QUEUE = 256;

/**
 * What an execution's key `{namespace}:t:<tenant>:x:<execution>` names: defines `root` of all keys, `name` of the tenant, `tenant`,
 * the root of its keys, and `id`, escaped as are all names.
 *   KEYS[1]  the execution
 */
export const OF_EXECUTION = /* lua */ `
local root, name, id = string.match(KEYS[1], '^([^:]*:)t:([^:]*):x:([^:]*)$')
local tenant = root .. 't:' .. name .. ':'
`;

/** Sends the messages that are in ARGV from `messages` to before `letters`: their ids and texts in turn. Expects `root`. */
const OUTBOX = /* lua */ `
if letters > messages then
  local count = (letters - messages) / 2
  local position = redis.call('INCRBY', root .. 'position', count) - count
  for i = messages, letters - 1, 2 do
    position = position + 1
    redis.call('ZADD', root .. 'outbox', position, ARGV[i])
    redis.call('HSET', root .. 'messages', ARGV[i], ARGV[i + 1])
  end
end
`;

/**
 * Applies a change that is nothing but entries of the writer's own log and messages, which most are: nothing of it needs to be
 * looked into, and none of what other changes need is defined. It expects `root`, `tenant`, `id`, `first` and `last`, where in ARGV the
 * entries are, and `place`, a line more for the queue of places, or ""; behind the entries are lines for that queue, then messages.
 */
export const PLAIN_CHANGE = /* lua */ `
redis.call('RPUSH', tenant .. 'l:' .. id, unpack(ARGV, first, last))
local messages, letters = last + 2, #ARGV + 1
${OUTBOX}
local lines = ARGV[last + 1]
if place ~= '' then lines = lines .. '\\n' .. place end
if redis.call('RPUSH', tenant .. 'q', lines) >= ${QUEUE} then
  ${PLACE}
  placeAll()
end
`;

/**
 * The middle of every script that changes something. It expects `root`, `name` and `tenant`, and defines
 * `checkChange(at, own, length)`, where `own` is the stream that is the writer's and `length` how many entries it has, and
 * `applyChange(place)`, where `place` is a line more for the queue of places, or "". A change begins at ARGV[at]:
 *   counts: R records, M messages, L letters, then for each group of entries its stream ("%-" for the own), first sequence and number
 *   R x (kind, id, expected and next version, time key, usable until or "", body or "" to delete, facets split by spaces)
 *   all elements of the groups
 *   lines for the queue of places, or "": see place.lua.ts
 *   M x (event id, message)
 *   L x (execution id, mail id, body)
 * `checkChange` answers what refuses the change, or nil and the length of the own stream. All checks are made before anything is
 * written, because Redis does not undo what a script did. Each call of Redis costs about a microsecond: hence one for all entries,
 * and the queue.
 */
export const CHANGE = /* lua */ `
${PLACE}
local function push(command, key, first, last)
  local length
  for i = first, last, 1000 do
    length = redis.call(command, key, unpack(ARGV, i, math.min(i + 999, last)))
  end
  return length
end

-- Where the parts of a change are, and its groups of entries.
local records, elements, places, messages, letters, behind, groups
local function readChange(at, own)
  local words = string.gmatch(ARGV[at], '%S+')
  local counts = { words(), words(), words() }
  groups, records = {}, at + 1
  elements = records + 7 * counts[1]
  places = elements
  for stream in words do
    local group = { stream = stream == '%-' and own or stream, first = tonumber(words()), count = tonumber(words()) }
    groups[#groups + 1] = group
    places = places + group.count
  end
  messages = places + 1
  letters = messages + 2 * counts[2]
  behind = letters + 3 * counts[3]
end

local function checkChange(at, own, length)
  readChange(at, own)
  for i = records, elements - 1, 7 do
    local meta = redis.call('HGET', tenant .. 'r:' .. ARGV[i] .. ':' .. ARGV[i + 1], 'm')
    local version = meta and string.match(meta, '^%d+') or '0'
    if version ~= string.match(ARGV[i + 2], '^%d+') then return 'conflict ' .. ARGV[i] .. ' ' .. ARGV[i + 1] end
  end
  local lengths = {}
  if own then lengths[own] = length end
  for _, group in ipairs(groups) do
    local entries = lengths[group.stream]
    if not entries then
      -- The log of an execution is its holder's.
      if redis.call('EXISTS', tenant .. 'x:' .. group.stream) == 1 then return 'refused sequence' end
      entries = redis.call('LLEN', tenant .. 'l:' .. group.stream)
    end
    if entries + 1 ~= group.first then return 'refused sequence' end
    lengths[group.stream] = entries + group.count
  end
  return nil, own and lengths[own]
end

local function list(kind, member, facets, others, command)
  for facet in string.gmatch(facets, '%S+') do
    if not string.find(' ' .. others .. ' ', ' ' .. facet .. ' ', 1, true) then
      local key = tenant .. 'f:' .. kind .. ':' .. facet
      if command == 'ZADD' then redis.call('ZADD', key, 0, member) else redis.call('ZREM', key, member) end
    end
  end
end

local function writeRecord(i)
  local kind, id, time, body = ARGV[i], ARGV[i + 1], ARGV[i + 3], ARGV[i + 5]
  local key = tenant .. 'r:' .. kind .. ':' .. id
  local meta = redis.call('HGET', key, 'm')
  local before, after = '', body == '' and '' or ARGV[i + 6]
  -- A record keeps its place in the listings for as long as it lives.
  if meta then time, before = string.match(meta, '^%d+ (%S+) ?(.*)$') end
  if before ~= after then
    list(kind, time .. id, before, after, 'ZREM')
    list(kind, time .. id, after, before, 'ZADD')
  end
  if body == '' then
    redis.call('DEL', key)
    return
  end
  redis.call('HSET', key, 'm', string.match(ARGV[i + 2], '%d+$') .. ' ' .. time .. ' ' .. after, 'b', body)
  if ARGV[i + 4] ~= '' then redis.call('HSET', key, 'u', ARGV[i + 4])
  elseif meta then redis.call('HDEL', key, 'u') end
end

local function appendLog(own)
  local element = elements
  for _, group in ipairs(groups) do
    push('RPUSH', tenant .. 'l:' .. group.stream, element, element + group.count - 1)
    element = element + group.count
  end
  local lines = ARGV[places]
  if own ~= '' then lines = lines == '' and own or lines .. '\\n' .. own end
  if lines ~= '' and redis.call('RPUSH', tenant .. 'q', lines) >= ${QUEUE} then placeAll() end
end

local function send(i)
  local target = tenant .. 'x:' .. ARGV[i]
  local meta = redis.call('HGET', target, 'm')
  local epoch, over, owner, state, created, letters, rest =
    string.match(meta or '', '^(%d+) (%d) (%S+) (%S+) (%S+) (%d+) (.*)$')
  if over ~= '0' then return end
  local position = string.format('%d', redis.call('INCR', tenant .. 'n'))
  if redis.call('HSETNX', tenant .. 'm:' .. ARGV[i], ARGV[i + 1], position .. ' ' .. ARGV[i + 2]) == 1 then
    letters = string.format('%d', letters + 1)
    redis.call('HSET', target, 'm', table.concat({ epoch, over, owner, state, created, letters, rest }, ' '))
  end
  if owner == '%-' then redis.call('ZADD', root .. 'due', 0, name .. ':' .. ARGV[i]) end
end

-- After it was checked.
local function applyChange(place)
  for i = records, elements - 1, 7 do writeRecord(i) end
  appendLog(place)
  ${OUTBOX}
  for i = letters, behind - 1, 3 do send(i) end
  return behind > letters
end
`;
