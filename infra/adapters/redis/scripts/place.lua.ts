/** How many characters of a place name its bucket: all but the last digit of its time, so that a bucket is 36 ms. */
export const BUCKET = 8;

/** How many blocks of an index are read at first: one may hold a page, or one place of it. */
const FEW_BLOCKS = 4;
/** How many at the most, when a page wants more and more. */
const MANY_BLOCKS = 64;

/**
 * Defines `placeAll()`, which gives all that waits in a tenant's queue its places in the tenant's indexes; expects `tenant`, the root
 * of the tenant's keys.
 *
 * A place is a time key and what it is the place of. An index is a sorted set of score 0 whose members are blocks: the bucket of
 * time, what was said behind the name of the index, and the places, each behind a line feed. Blocks sort as their buckets do,
 * in whatever order they were written; within a bucket the reader sorts. What may leave an index again is a block of its own.
 *
 * A line of the queue is: names of indexes that places share with many others, space, names of indexes of few, space, a place.
 * Names are parted by commas. In front of each is `+` for a place that stays, `=` for one that may leave and `-` for one that
 * leaves; behind it, after a semicolon, what blocks repeat to the reader. What enters and leaves in between never touches an index.
 */
export const PLACE = /* lua */ `
local function move(command, index, members)
  for i = 1, #members, 1000 do
    redis.call(command, tenant .. index, unpack(members, i, math.min(i + 999, #members)))
  end
end

local function readNames(names)
  local known = { groups = {}, stays = {}, moves = {} }
  for sign, index, note in string.gmatch(names, '([+=-])([^,;]+);?([^,]*)') do
    if sign == '+' then table.insert(known.stays, { index = index, note = note })
    else table.insert(known.moves, { index = index, enters = sign == '=' }) end
  end
  return known
end

local function placeAll()
  local queue = redis.call('LRANGE', tenant .. 'q', 0, -1)
  if #queue == 0 then return end
  redis.call('DEL', tenant .. 'q')
  local known, entering, moves = {}, {}, {}
  local find, sub = string.find, string.sub

  -- Places under the same names lie in the same blocks: they are gathered by names and bucket.
  local function gather(names, bucket, place)
    local named = known[names]
    if not named then
      named = readNames(names)
      known[names] = named
    end
    local group = named.groups[bucket]
    if group then group[#group + 1] = place else named.groups[bucket] = { place } end
    for _, to in ipairs(named.moves) do
      local changes = moves[to.index] or {}
      local member = bucket .. '\\n' .. place
      moves[to.index] = changes
      if changes[member] == nil then changes[member] = to.enters
      elseif changes[member] ~= to.enters then changes[member] = nil end
    end
  end
  for _, lines in ipairs(queue) do
    local at, length = 1, #lines
    while at <= length do
      local shared = find(lines, ' ', at, true)
      local few = find(lines, ' ', shared + 1, true)
      local ends = find(lines, '\\n', few, true) or length + 1
      local place = sub(lines, few + 1, ends - 1)
      local bucket = sub(place, 1, ${BUCKET})
      gather(sub(lines, at, shared - 1), bucket, place)
      if few > shared + 1 then gather(sub(lines, shared + 1, few - 1), bucket, place) end
      at = ends + 1
    end
  end

  for _, named in pairs(known) do
    for bucket, group in pairs(named.groups) do
      local places = #named.stays > 0 and '\\n' .. table.concat(group, '\\n')
      for _, to in ipairs(named.stays) do
        local members = entering[to.index] or {}
        entering[to.index] = members
        members[#members + 1] = 0
        members[#members + 1] = bucket .. to.note .. places
      end
    end
  end
  for index, changes in pairs(moves) do
    local leaving, members = {}, entering[index] or {}
    entering[index] = members
    for member, enters in pairs(changes) do
      if enters then
        members[#members + 1] = 0
        members[#members + 1] = member
      else leaving[#leaving + 1] = member end
    end
    move('ZREM', index, leaving)
  end
  for index, members in pairs(entering) do move('ZADD', index, members) end
end
`;

/**
 * Defines how an index is read: `smallestOf(indexes)`, the one that is walked when several are asked for, and
 * `buckets(index, newest, from, to, take)`, which takes the places of the next buckets, whole buckets, in no order, each with the
 * note of its block, and answers the last of these buckets, or nil when there are none behind it. `from` and `to` are bounds of
 * buckets, as ZRANGE BYLEX has them.
 */
export const WALK_PLACES = /* lua */ `
local blocks = ${FEW_BLOCKS}
local function buckets(index, newest, from, to, take)
  local first, last = newest and to or from, newest and from or to
  local function range(start, count)
    if newest then return redis.call('ZRANGE', index, start, last, 'BYLEX', 'REV', 'LIMIT', 0, count) end
    return redis.call('ZRANGE', index, start, last, 'BYLEX', 'LIMIT', 0, count)
  end
  local function read(members)
    for _, member in ipairs(members) do
      local note
      for line in string.gmatch(member, '[^\\n]+') do
        if note then take(line, note) else note = string.sub(line, ${BUCKET + 1}) end
      end
    end
  end
  local members, asked = range(first, blocks), blocks
  blocks = math.min(4 * blocks, ${MANY_BLOCKS})
  read(members)
  if #members < asked then return end
  local ended = string.sub(members[#members], 1, ${BUCKET})
  last = newest and '[' .. ended or '(' .. ended .. '~'
  read(range('(' .. members[#members], -1))
  return ended
end

local function smallestOf(indexes)
  local smallest, size
  for _, index in ipairs(indexes) do
    local count = redis.call('ZCARD', index)
    if not size or count < size then smallest, size = index, count end
  end
  return smallest
end
`;
