/**
 * The beginning of every script that changes something. It expects in
 *   KEYS[1]  what the script stays in order with; other keys are derived, all below the one hash tag
 *   ARGV[1]  the root of all keys, `{namespace}:`
 *   ARGV[2]  the tenant's name, escaped, as are all names below
 * and defines `root`, `name`, `tenant` (the root of the tenant's keys), `push`, `checkChange(at)` and `applyChange(at)`.
 * A change begins at ARGV[at]:
 *   R  R x (kind, id, expected version, time key, usable until or "", body or "" to delete, facets split by spaces)
 *   G  G x (stream, first sequence, number of entries), then all their elements in this order
 *   P  (only when there are G) P x (index, number of places, then for each: time key, which of the G, the rest of the member)
 *   M  M x (event id, message)
 *   L  L x (execution id, mail id, body)
 * `checkChange` answers what refuses the change, or nil. All checks are made before anything is written, because Redis does not
 * undo what a script did.
 */
export const CHANGE = /* lua */ `
local root, name = ARGV[1], ARGV[2]
local tenant = root .. 't:' .. name .. ':'

local function push(command, key, first, last)
  for i = first, last, 1000 do
    redis.call(command, key, unpack(ARGV, i, math.min(i + 999, last)))
  end
end

local function checkChange(at)
  local groups = at + 1 + 7 * ARGV[at]
  for i = at + 1, groups - 1, 7 do
    local meta = redis.call('HGET', tenant .. 'r:' .. ARGV[i] .. ':' .. ARGV[i + 1], 'm')
    local version = meta and string.match(meta, '^%d+') or '0'
    if version ~= ARGV[i + 2] then return 'conflict ' .. ARGV[i] .. ' ' .. ARGV[i + 1] end
  end
  local lengths = {}
  for i = groups + 1, groups + 3 * ARGV[groups], 3 do
    local stream = ARGV[i]
    local length = lengths[stream] or redis.call('LLEN', tenant .. 'l:' .. stream)
    if length + 1 ~= tonumber(ARGV[i + 1]) then return 'refused sequence' end
    lengths[stream] = length + ARGV[i + 2]
  end
  return nil
end

local function list(kind, member, facets, others, command)
  for facet in string.gmatch(facets, '%S+') do
    if not string.find(' ' .. others .. ' ', ' ' .. facet .. ' ', 1, true) then
      if command == 'ZADD' then redis.call('ZADD', tenant .. 'f:' .. kind .. ':' .. facet, 0, member)
      else redis.call('ZREM', tenant .. 'f:' .. kind .. ':' .. facet, member) end
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

local function appendLog(at)
  local groups = tonumber(ARGV[at])
  local element = at + 1 + 3 * groups
  if groups == 0 then return element end
  local arrival = redis.call('INCRBY', tenant .. 'n', groups) - groups
  local arrivals = {}
  for g = 1, groups do
    local i = at + 3 * g - 2
    local count = tonumber(ARGV[i + 2])
    push('RPUSH', tenant .. 'l:' .. ARGV[i], element, element + count - 1)
    element = element + count
    local digits = string.format('%d', arrival + g)
    arrivals[g] = string.char(64 + #digits) .. digits
  end
  local places = element + 1
  for _ = 1, tonumber(ARGV[element]) do
    local index, count, members = ARGV[places], tonumber(ARGV[places + 1]), {}
    places = places + 2
    for p = 1, count do
      members[#members + 1] = 0
      members[#members + 1] = ARGV[places] .. arrivals[tonumber(ARGV[places + 1])] .. ARGV[places + 2]
      places = places + 3
      if #members == 1000 or p == count then
        redis.call('ZADD', tenant .. index, unpack(members))
        members = {}
      end
    end
  end
  return places
end

local function send(i)
  local execution = ARGV[i]
  local meta = redis.call('HGET', tenant .. 'x:' .. execution, 'm')
  local over, owner = string.match(meta or '', '^%d+ (%d) (%S+)')
  if over ~= '0' then return end
  local position = string.format('%d', redis.call('INCR', tenant .. 'n'))
  redis.call('HSETNX', tenant .. 'm:' .. execution, ARGV[i + 1], position .. ' ' .. ARGV[i + 2])
  if owner == '%-' then redis.call('ZADD', root .. 'due', 0, name .. ':' .. execution) end
end

local function applyChange(at)
  local groups = at + 1 + 7 * ARGV[at]
  for i = at + 1, groups - 1, 7 do writeRecord(i) end
  local messages = appendLog(groups)
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
end
`;
