/** The time of Redis as a Lua expression, ms. */
export const REDIS_TIME = /* lua */ `(function(t) return string.format('%d%03d', t[1], math.floor(t[2] / 1000)) end)(redis.call('TIME'))`;
