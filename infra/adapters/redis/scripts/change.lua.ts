import { PLACE } from "./place.lua.ts";

/** How many commits the queue of places holds at the most: whoever makes it that long empties it. */
const QUEUE = 256;

/**
 * The beginning of every script that changes something. It expects in
 *   KEYS[1]  what the script stays in order with; other keys are derived, all below the one hash tag
 *   ARGV[1]  the root of all keys, `{namespace}:`
 *   ARGV[2]  the tenant's name, escaped, as are all names below
 * and defines `root`, `name`, `tenant` (the root of the tenant's keys), `checkChange(at, own, length)`, where `own` is the stream
 * that is the writer's and `length` how many entries it has, and `applyChange(at, places)`, where `places` is a line more for that queue, or "". A change begins at ARGV[at]:
 *   R  R x (kind, id, expected version, time key, usable until or "", body or "" to delete, facets split by spaces)
 *   G  G x (stream, first sequence, number of entries), then all their elements in this order
 *   P  lines for the queue of places, or "": see place.lua.ts
 *   M  M x (event id, message)
 *   L  L x (execution id, mail id, body)
 * `checkChange` answers what refuses the change, or nil. All checks are made before anything is written, because Redis does not
 * undo what a script did. Each call of Redis costs about a microsecond: hence one for all entries, and the queue.
 */
export const CHANGE = /* lua */ `
local root, name = ARGV[1], ARGV[2]
local tenant = root .. 't:' .. name .. ':'
${PLACE}
local function push(command, key, first, last)
  local length
  for i = first, last, 1000 do
    length = redis.call(command, key, unpack(ARGV, i, math.min(i + 999, last)))
  end
  return length
end

local function checkChange(at, own, length)
  local groups = at + 1 + 7 * ARGV[at]
  for i = at + 1, groups - 1, 7 do
    local meta = redis.call('HGET', tenant .. 'r:' .. ARGV[i] .. ':' .. ARGV[i + 1], 'm')
    local version = meta and string.match(meta, '^%d+') or '0'
    if version ~= ARGV[i + 2] then return 'conflict ' .. ARGV[i] .. ' ' .. ARGV[i + 1] end
  end
  local lengths = {}
  if own then lengths[own] = length end
  for i = groups + 1, groups + 3 * ARGV[groups], 3 do
    local stream = ARGV[i]
    local entries = lengths[stream]
    if not entries then
      -- The log of an execution is its holder's.
      if redis.call('EXISTS', tenant .. 'x:' .. stream) == 1 then return 'refused sequence' end
      entries = redis.call('LLEN', tenant .. 'l:' .. stream)
    end
    if entries + 1 ~= tonumber(ARGV[i + 1]) then return 'refused sequence' end
    lengths[stream] = entries + ARGV[i + 2]
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
  redis.call('HSET', key, 'm', string.format('%d', ARGV[i + 2] + 1) .. ' ' .. time .. ' ' .. after, 'b', body)
  if ARGV[i + 4] ~= '' then redis.call('HSET', key, 'u', ARGV[i + 4])
  elseif meta then redis.call('HDEL', key, 'u') end
end

local function appendLog(at, places)
  local groups = tonumber(ARGV[at])
  local element = at + 1 + 3 * groups
  for i = at + 1, at + 3 * groups, 3 do
    local count = tonumber(ARGV[i + 2])
    push('RPUSH', tenant .. 'l:' .. ARGV[i], element, element + count - 1)
    element = element + count
  end
  local lines = ARGV[element]
  if places ~= '' then lines = lines == '' and places or lines .. '\\n' .. places end
  if lines ~= '' and redis.call('RPUSH', tenant .. 'q', lines) >= ${QUEUE} then placeAll() end
  return element + 1
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

local function applyChange(at, places)
  local groups = at + 1 + 7 * ARGV[at]
  for i = at + 1, groups - 1, 7 do writeRecord(i) end
  local messages = appendLog(groups, places)
  local mail = messages + 1 + 2 * ARGV[messages]
  if mail > messages + 1 then
    local position = redis.call('INCRBY', root .. 'position', ARGV[messages]) - ARGV[messages]
    for i = messages + 1, mail - 1, 2 do
      position = position + 1
      redis.call('ZADD', root .. 'outbox', position, ARGV[i])
    end
    push('HSET', root .. 'messages', messages + 1, mail - 1)
  end
  for i = mail + 1, mail + 3 * ARGV[mail], 3 do send(i) end
  return ARGV[mail] ~= '0'
end
`;
