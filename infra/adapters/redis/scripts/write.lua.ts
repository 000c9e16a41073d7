import { CHANGE } from "./change.lua.ts";
import { REDIS_TIME } from "./time.lua.ts";

/**
 * Applies a change that belongs to no execution.
 *   KEYS[1]   the delivery, remembered here
 *   ARGV[1]   the tenant's name    ARGV[2] how many letters and bytes of bodies a mailbox may hold, or ""    ARGV[3...] a change
 * Replies "written <the time of Redis, ms>", "mailbox_full", "conflict <kind> <id>" or "refused sequence".
 * Delivered again: the reply is remembered under its delivery for ten minutes.
 */
export const WRITE = /* lua */ `
local answered = redis.call('GET', KEYS[1])
if answered then return answered end
local root, name = string.match(KEYS[1], '^[^:]*:'), ARGV[1]
local tenant = root .. 't:' .. name .. ':'
${CHANGE}
local function overflows(maxLetters, maxBytes)
  local boxes = {}
  for i = letters, behind - 1, 3 do
    local mailbox = tenant .. 'm:' .. ARGV[i]
    local meta = redis.call('HGET', tenant .. 'x:' .. ARGV[i], 'm')
    if string.match(meta or '', '^%d+ 0 ') and redis.call('HEXISTS', mailbox, ARGV[i + 1]) == 0 then
      local box = boxes[mailbox]
      if not box then
        box = { letters = 0, bytes = 0 }
        for _, value in ipairs(redis.call('HVALS', mailbox)) do
          box.letters = box.letters + 1
          box.bytes = box.bytes + #value - string.find(value, ' ', 1, true)
        end
        boxes[mailbox] = box
      end
      box.letters = box.letters + 1
      box.bytes = box.bytes + #ARGV[i + 2]
      if box.letters > maxLetters or box.bytes > maxBytes then return true end
    end
  end
  return false
end
local answer = checkChange(3)
if not answer and ARGV[2] ~= '' then
  local maxLetters, maxBytes = string.match(ARGV[2], '^(%d+) (%d+)$')
  if overflows(tonumber(maxLetters), tonumber(maxBytes)) then answer = 'mailbox_full' end
end
if not answer then
  applyChange('')
  if #groups > 0 then redis.call('SADD', root .. 'tenants', name) end
  answer = 'written ' .. ${REDIS_TIME}
end
redis.call('SET', KEYS[1], answer, 'PX', 600000)
return answer
`;
