import { CHANGE } from "./change.lua.ts";

/**
 * Applies a change that belongs to no execution.
 *   KEYS[1]   the delivery, remembered here
 *   ARGV[1]   the tenant's name    ARGV[2...] a change
 * Replies "written", "conflict <kind> <id>" or "refused sequence".
 * Delivered again: the reply is remembered under its delivery for ten minutes.
 */
export const WRITE = /* lua */ `
local answered = redis.call('GET', KEYS[1])
if answered then return answered end
local root, name = string.match(KEYS[1], '^[^:]*:'), ARGV[1]
local tenant = root .. 't:' .. name .. ':'
${CHANGE}
local answer = checkChange(2)
if not answer then
  applyChange('')
  if #groups > 0 then redis.call('SADD', root .. 'tenants', name) end
  answer = 'written'
end
redis.call('SET', KEYS[1], answer, 'PX', 600000)
return answer
`;
