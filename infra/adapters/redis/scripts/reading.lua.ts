import { PLACE } from "./place.lua.ts";

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
 *   ARGV[2]   limit               ARGV[3] upper bound, as ZRANGE BYLEX has it
 *   ARGV[4]   status or ""        ARGV[5] intent type or ""
 *   ARGV[6]   session id or ""    ARGV[7] "1" for those only that are not terminal
 * Replies [where to go on as a bound, or "" at the end, then for each execution its place and its head].
 * A place is the time of creation as a time key, and the id.
 */
export const LIST_EXECUTIONS = /* lua */ `
local tenant = ARGV[1]
${PLACE}
placeAll()
local smallest, size
for _, key in ipairs(KEYS) do
  local card = redis.call('ZCARD', key)
  if not size or card < size then smallest, size = key, card end
end
local limit, bound, walked = tonumber(ARGV[2]), ARGV[3], 0
local reply, found = { '' }, 0
while found < limit and walked < ${WALK} do
  local chunk = limit - found
  local places = redis.call('ZRANGE', smallest, bound, '-', 'BYLEX', 'REV', 'LIMIT', 0, chunk)
  for _, place in ipairs(places) do
    local row = redis.call('HMGET', tenant .. 'x:' .. string.sub(place, 10), 'h', 'm', 'c')
    local over, status = string.match(row[2], '^%d+ (%d) %S+ (%S+)')
    local session, kind = string.match(row[3], '^(%S+) (%S+)')
    bound = '(' .. place
    if (ARGV[4] == '' or ARGV[4] == status) and (ARGV[5] == '' or ARGV[5] == kind)
      and (ARGV[6] == '' or ARGV[6] == session) and (ARGV[7] ~= '1' or over == '0') then
      reply[#reply + 1] = place
      reply[#reply + 1] = row[1]
      found = found + 1
    end
  end
  walked = walked + #places
  if #places < chunk then return reply end
end
reply[1] = bound
return reply
`;

/**
 * A part of a stream of the log.
 *   KEYS[1] the stream   ARGV[1] "newest" or "chronological"   ARGV[2] limit
 *   ARGV[3] after this sequence, or before it when the newest come first; "0" begins
 * Replies the elements, which begin with their sequences.
 */
export const READ_STREAM = /* lua */ `
local limit, from = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[1] == 'chronological' then return redis.call('LRANGE', KEYS[1], from, from + limit - 1) end
local last = (from == 0 and redis.call('LLEN', KEYS[1]) or from - 1) - 1
if last < 0 then return {} end
local elements, reversed = redis.call('LRANGE', KEYS[1], math.max(0, last - limit + 1), last), {}
for i = #elements, 1, -1 do reversed[#reversed + 1] = elements[i] end
return reversed
`;

/**
 * A part of a tenant's log.
 *   KEYS      the indexes of the entries that match one of the conditions each: the smallest of them is walked
 *   ARGV[1]   the root of the tenant's keys
 *   ARGV[2]   "newest" or "chronological"   ARGV[3] limit
 *   ARGV[4]   lower bound   ARGV[5] upper bound, as ZRANGE BYLEX has them
 *   ARGV[6]   the time and stream that the page before ended in, or ""   ARGV[7] the sequence that it ended with
 * Replies [where to go on as a bound, or "" at the end, then for each entry its time and stream, and its element].
 * A member of an index is: time key, stream, space, first sequence (sortable), space, number of entries.
 */
export const READ_LOG = /* lua */ `
local tenant = ARGV[1]
${PLACE}
placeAll()
local newest, limit = ARGV[2] == 'newest', tonumber(ARGV[3])
local lower, upper, ended, sequence = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local smallest, size
for _, key in ipairs(KEYS) do
  local count = redis.call('ZCARD', key)
  if not size or count < size then smallest, size = key, count end
end
local reply, found, walked = { '' }, 0, 0

local function take(member)
  local place, first, count = string.match(member, '^(%S+) .(%d+) (%d+)$')
  local from, to = tonumber(first), first + count - 1
  if place == ended then
    if newest then to = math.min(to, sequence - 1) else from = math.max(from, sequence + 1) end
  end
  if from > to then return end
  local elements = redis.call('LRANGE', tenant .. 'l:' .. string.sub(place, 10), from - 1, to - 1)
  for i = 1, #elements do
    reply[#reply + 1] = place
    reply[#reply + 1] = elements[newest and #elements + 1 - i or i]
  end
  found, walked = found + #elements, walked + #elements
end

while found < limit and walked < ${WALK} do
  local chunk = limit - found
  local members
  if newest then members = redis.call('ZRANGE', smallest, upper, lower, 'BYLEX', 'REV', 'LIMIT', 0, chunk)
  else members = redis.call('ZRANGE', smallest, lower, upper, 'BYLEX', 'LIMIT', 0, chunk) end
  for _, member in ipairs(members) do take(member) end
  if #members < chunk then return reply end
  if newest then upper = '(' .. members[#members] else lower = '(' .. members[#members] end
  walked = walked + #members
end
reply[1] = newest and upper or lower
return reply
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
