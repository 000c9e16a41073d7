import { type HotScript, hotScript } from "./hot-redis.ts";
import { APPENDING, PRELUDE } from "./lua-prelude.ts";

/**
 * Reads a page of the tail: all entries from \`since\` on are in it, so it ends where the cold log goes on.
 * ARGV nonce, quarantine (ms), young (ms), order, from (ms), to (ms, exclusive), after (place), limit, type, session, execution,
 * after sequence, in doubt (ms); '' for what is not asked.
 * Returns "cold", why, then token, announcement of each commit that is overdue; or "hot", since, "1" when the tail is exhausted,
 * then place, text …
 * An announcement that is young counts as not committed yet, except for a reader of that very execution. A span may have been committed
 * to since: whoever asks for what it may have written is sent to the cold log, and it is overdue once it is in doubt.
 */
export const READ_TAIL: HotScript = hotScript(`${PRELUDE}
local young, newest, limit = tonumber(ARGV[3]), ARGV[4] == 'newest', tonumber(ARGV[8])
local from, to, after = tonumber(ARGV[5]) or 0, ARGV[6], ARGV[7]
local kind, session, execution, sequence = ARGV[9], ARGV[10], ARGV[11], tonumber(ARGV[12]) or 0
local doubt = tonumber(ARGV[13])
if now - at < tonumber(ARGV[2]) then return {'cold', 'resting'} end
if not since then return {'cold', 'absent'} end
local function stamp(ms) return string.format('%015.0f', ms) end
local overdue, busy = {'cold', 'overdue'}, false
local function spanned(owner, its, first)
  if execution ~= '' and owner ~= execution then return false end
  if session ~= '' and its ~= '' and its ~= session then return false end
  return (to == '' or tonumber(to) > first) and not (newest and after ~= '' and after < stamp(first))
end
local open = redis.call('HGETALL', OPEN)
for o = 1, #open, 2 do
  local ms, owner, rest = string.match(open[o + 1], '^(%d+)|([^|]*)|(.*)$')
  local its, first = string.match(rest, '^@%d+@([^@]*)@(%d+)$')
  local late = now - tonumber(ms) > (first and doubt or young)
  if first and not spanned(owner, its, tonumber(first)) then late = false
  elseif first and not late then busy = true end
  if late then
    overdue[#overdue + 1] = open[o]
    overdue[#overdue + 1] = open[o + 1]
  elseif execution ~= '' and owner == execution then busy = true end
end
if #overdue > 2 then return overdue end
if busy then return {'cold', 'busy'} end
if redis.call('ZCARD', TAIL) ~= redis.call('HLEN', TEXT) then
  redis.call('DEL', STATE)
  return {'cold', 'damaged'}
end
if after ~= '' and after < stamp(since) then return {'cold', 'trimmed'} end
local byNumber, source = execution ~= '', TAIL
if byNumber then source = INDEX .. 'x:' .. execution
elseif session ~= '' then source = INDEX .. 's:' .. session
elseif kind ~= '' then source = INDEX .. 't:' .. kind end
if session ~= '' and kind ~= '' and not byNumber then
  local kinds = INDEX .. 't:' .. kind
  if redis.call('ZCARD', kinds) < redis.call('ZCARD', source) then source = kinds end
end
if not newest and since > from and after == '' and since > 0 then
  -- Entries before the tail match too, unless it has the execution's from where the question begins.
  local first = byNumber and redis.call('ZRANGEBYSCORE', source, sequence, '+inf', 'LIMIT', 0, 1)[1]
  local ms, _, number = partsOf(first or '')
  if not ms or tonumber(number) > sequence + 1 or tonumber(ms) < since then return {'cold', 'older'} end
end
local bottom, top = '[' .. stamp(math.max(since, from)), to == '' and '+' or '(' .. stamp(tonumber(to))
if byNumber then bottom, top = '(' .. whole(sequence), '+inf' end
local function exclude(place)
  local edge = byNumber and '(' .. select(3, partsOf(place)) or '(' .. place
  if newest then top = edge else bottom = edge end
end
if after ~= '' then exclude(after) end
local places, looked, ended, size = {}, 0, false, math.max(20, math.min(limit, 200))
while #places < limit and not ended do
  local chunk
  if byNumber and newest then chunk = redis.call('ZREVRANGEBYSCORE', source, top, bottom, 'LIMIT', 0, size)
  elseif byNumber then chunk = redis.call('ZRANGEBYSCORE', source, bottom, top, 'LIMIT', 0, size)
  elseif newest then chunk = redis.call('ZREVRANGEBYLEX', source, top, bottom, 'LIMIT', 0, size)
  else chunk = redis.call('ZRANGEBYLEX', source, bottom, top, 'LIMIT', 0, size) end
  for _, place in ipairs(chunk) do
    local ms, _, number, itsKind, itsSession = partsOf(place)
    ms = tonumber(ms)
    local fits = ms >= since and ms >= from and (to == '' or ms < tonumber(to)) and tonumber(number) > sequence
    fits = fits and (kind == '' or itsKind == kind) and (session == '' or itsSession == session)
    if fits and #places < limit then places[#places + 1] = place end
  end
  ended, looked = #chunk < size, looked + #chunk
  if #chunk > 0 then exclude(chunk[#chunk]) end
  -- Few match: the cold log has an index for each combination, and Redis serves others meanwhile.
  if looked >= 2000 and #places < limit and not ended then return {'cold', 'sparse'} end
end
local answer = {'hot', whole(since), #places < limit and '1' or '0'}
for _, place in ipairs(places) do
  answer[#answer + 1] = place
  answer[#answer + 1] = redis.call('HGET', TEXT, place) or ''
end
return answer`);

/** Asks to fill the tail from the cold log. ARGV nonce, quarantine (ms), patience (ms) with another filler. Returns "yes" or "no". */
export const START_FILL: HotScript = hotScript(`${PRELUDE}
if since or now - at < tonumber(ARGV[2]) then return 'no' end
local since_ms = tonumber(redis.call('HGET', STATE, 'filling_at') or '')
if filling and filling ~= ARGV[1] and since_ms and now - since_ms < tonumber(ARGV[3]) then return 'no' end
redis.call('DEL', TAIL, TEXT)
redis.call('HSET', STATE, 'filling', ARGV[1], 'filling_at', whole(now), 'gen', ARGV[1])
return 'yes'`);

/**
 * Adds entries of the cold log. ARGV nonce, how many entries the tail keeps, from when on the tail is complete (ms) or '' when more
 * is to come, then for each entry: place, text. What was committed meanwhile is in the tail already: \`finish\` appends as soon
 * as a filling has begun.
 */
export const FILL_TAIL: HotScript = hotScript(`${PRELUDE}${APPENDING}
if filling ~= ARGV[1] or since then return 'late' end
append(4, tonumber(ARGV[2]))
if ARGV[3] == '' then return 'ok' end
since = tonumber(ARGV[3])
redis.call('HSET', STATE, 'since', ARGV[3], 'born', whole(now))
redis.call('HDEL', STATE, 'filling', 'filling_at')
filling = false
append(#ARGV + 1, tonumber(ARGV[2]))
return 'ok'`);

/** Takes the entries of an execution out of the tail. ARGV nonce, execution. */
export const FORGET_PLACES: HotScript = hotScript(`${PRELUDE}
local places = INDEX .. 'x:' .. ARGV[2]
for _, place in ipairs(redis.call('ZRANGE', places, 0, -1)) do
  local _, _, _, kind, session = partsOf(place)
  redis.call('ZREM', TAIL, place)
  redis.call('HDEL', TEXT, place)
  redis.call('ZREM', INDEX .. 't:' .. kind, place)
  redis.call('ZREM', INDEX .. 's:' .. session, place)
end
redis.call('DEL', places)
return 'ok'`);
