import { CHANGE } from "./change.lua.ts";

/**
 * Applies a change that belongs to no execution.
 *   KEYS[1]   the delivery, remembered here
 *   ARGV[1,2] root, tenant, then a change
 * Replies "written", "conflict <kind> <id>" or "refused sequence".
 * Delivered again: the reply is remembered under its delivery for ten minutes.
 */
export const WRITE = /* lua */ `${CHANGE}
local answered = redis.call('GET', KEYS[1])
if answered then return answered end
local answer = checkChange(3)
if not answer then
  applyChange(3, '')
  answer = 'written'
end
redis.call('SET', KEYS[1], answer, 'PX', 600000)
return answer
`;
