-- Tells which envelopes were closed and not retired.
--
-- KEYS: home, closed
-- ARGV: mark
-- Answer: the ids
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

return redis.call('SMEMBERS', KEYS[2])
