import { type HotScript, hotScript } from "./hot-redis.ts";
import { APPENDING, PRELUDE } from "./lua-prelude.ts";

/**
 * A copy is a hash: inc · has (ms since when it is whole) · d:… (its content) · o:<token> (announced at ms) · c (announcements
 * so far) · lease (the one reader that may fill it).
 */
const COPY = `
local function drop(key)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if field == 'has' or string.sub(field, 1, 2) == 'd:' then redis.call('HDEL', key, field) end
  end
end
`;

/**
 * Announces a commit before the cold store is asked.
 * KEYS[5…] the copies that it may change · ARGV token, "execution|rows" of its log entries or ''.
 * Returns for each copy its count of announcements, which \`finish\` compares. Repeating it announces once.
 */
export const BEGIN: HotScript = hotScript(`${PRELUDE}
local token, counts = ARGV[1], {}
for i = 5, #KEYS do
  local key = KEYS[i]
  if redis.call('HGET', key, 'inc') ~= inc then
    redis.call('DEL', key)
    redis.call('HSET', key, 'inc', inc)
  end
  if redis.call('HSETNX', key, 'o:' .. token, whole(now)) == 1 then redis.call('HINCRBY', key, 'c', 1) end
  redis.call('HDEL', key, 'lease')
  redis.call('PEXPIRE', key, COPY_LIFE)
  counts[#counts + 1] = redis.call('HGET', key, 'c')
end
if ARGV[2] ~= '' then redis.call('HSETNX', OPEN, token, whole(now) .. '|' .. ARGV[2]) end
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], 2 * TAIL_LIFE) end
return counts`);

/**
 * Tells how an announced commit went.
 * KEYS[5…] copies · ARGV token, how many entries the tail keeps, how many copies, then for each copy: mode, its count, n,
 * n × (field, value); then for each log entry: place, text.
 * Modes: keep (nothing changed) · put (all of it is new) · patch (some of it is) · drop (not known) · prolong (not announced:
 * raises d:u by the cold store's steps, never above what it has). Whoever was not alone, or whose announcement is gone, drops instead of writing: the next
 * reader fills from the cold store. Repeating it drops at the worst.
 */
export const FINISH: HotScript = hotScript(`${PRELUDE}${COPY}${APPENDING}
local token, a = ARGV[1], 4
for i = 5, 4 + tonumber(ARGV[3]) do
  local key, mode, count, n = KEYS[i], ARGV[a], ARGV[a + 1], tonumber(ARGV[a + 2])
  local first = a + 3
  a = first + 2 * n
  if redis.call('HGET', key, 'inc') == inc then
    if mode == 'prolong' then
      local usable = tonumber(redis.call('HGET', key, 'd:u') or '')
      if usable and tonumber(ARGV[first + 1]) - usable >= PROLONG_STEP then redis.call('HSET', key, 'd:u', ARGV[first + 1]) end
    else
      local mine = redis.call('HDEL', key, 'o:' .. token) == 1
      local alone = mine and redis.call('HGET', key, 'c') == count
      for _, field in ipairs(redis.call('HKEYS', key)) do
        if string.sub(field, 1, 2) == 'o:' then alone = false end
      end
      if mode ~= 'keep' or not mine then
        if not alone or mode == 'drop' or mode == 'put' then drop(key) end
        if alone and (mode == 'put' or (mode == 'patch' and redis.call('HEXISTS', key, 'has') == 1)) then
          for f = first, first + 2 * n - 2, 2 do redis.call('HSET', key, ARGV[f], ARGV[f + 1]) end
          if mode == 'put' then redis.call('HSET', key, 'has', whole(now)) end
        end
      end
    end
  end
end
redis.call('HDEL', OPEN, token)
append(a, tonumber(ARGV[2]))
return 'ok'`);

/**
 * Reads a copy. KEYS[5] the copy · ARGV nonce, quarantine (ms), in doubt (ms).
 * Returns "hot", then field, value …; or "cold", and the nonce when this reader may fill the copy.
 * While a commit is announced the cold store answers; an announcement that is older than any commit can be is forgotten.
 */
export const READ_COPY: HotScript = hotScript(`${PRELUDE}${COPY}
local key, nonce = KEYS[5], ARGV[1]
if now - at < tonumber(ARGV[2]) then return {'cold', ''} end
local fields = redis.call('HGETALL', key)
local content, has, same, doubted = {'hot'}, nil, false, false
for f = 1, #fields, 2 do
  local field, value = fields[f], fields[f + 1]
  if field == 'inc' then same = value == inc
  elseif field == 'has' then has = tonumber(value)
  elseif string.sub(field, 1, 2) == 'd:' then
    content[#content + 1] = field
    content[#content + 1] = value
  elseif string.sub(field, 1, 2) == 'o:' then
    if now - tonumber(value) <= tonumber(ARGV[3]) and redis.call('HGET', key, 'inc') == inc then return {'cold', ''} end
    redis.call('HDEL', key, field)
    doubted = true
  end
end
if same and has and not doubted and now - has < COPY_LIFE then return content end
if same then drop(key) else redis.call('DEL', key) end
redis.call('HSET', key, 'inc', inc, 'lease', nonce)
redis.call('PEXPIRE', key, COPY_LIFE)
return {'cold', nonce}`);

/** Fills a copy with what the cold store answered, unless a commit was announced since. KEYS[5] the copy · ARGV nonce, then field, value … */
export const FILL_COPY: HotScript = hotScript(`${PRELUDE}
local key = KEYS[5]
local held = redis.call('HMGET', key, 'inc', 'lease')
if held[1] ~= inc or held[2] ~= ARGV[1] then return 'late' end
redis.call('HDEL', key, 'lease')
for a = 2, #ARGV, 2 do redis.call('HSET', key, ARGV[a], ARGV[a + 1]) end
redis.call('HSET', key, 'has', whole(now))
redis.call('PEXPIRE', key, COPY_LIFE)
return 'ok'`);
