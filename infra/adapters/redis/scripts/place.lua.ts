/**
 * Defines `placeAll()`, which gives all that waits in a tenant's queue its places in the tenant's indexes; expects `tenant`, the
 * root of the tenant's keys. The queue holds names of indexes and members in turn, a name with a minus for a member that leaves.
 * What enters and leaves again in between never touches the index.
 */
export const PLACE = /* lua */ `
local function move(command, index, members)
  for i = 1, #members, 1000 do
    redis.call(command, tenant .. index, unpack(members, i, math.min(i + 999, #members)))
  end
end

local function placeAll()
  local words = redis.call('LRANGE', tenant .. 'q', 0, -1)
  if #words == 0 then return end
  redis.call('DEL', tenant .. 'q')
  local indexes = {}
  for i = 1, #words, 2 do
    local index, member, enters = words[i], words[i + 1], true
    if string.byte(index) == 45 then index, enters = string.sub(index, 2), false end
    local changes = indexes[index]
    if not changes then
      changes = {}
      indexes[index] = changes
    end
    if changes[member] == nil then changes[member] = enters
    elseif changes[member] ~= enters then changes[member] = nil end
  end
  for index, changes in pairs(indexes) do
    local entering, leaving = {}, {}
    for member, enters in pairs(changes) do
      if enters then
        entering[#entering + 1] = 0
        entering[#entering + 1] = member
      else leaving[#leaving + 1] = member end
    end
    move('ZADD', index, entering)
    move('ZREM', index, leaving)
  end
end
`;
