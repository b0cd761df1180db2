-- Tells what a user claimed.
--
-- KEYS: home, pot
-- ARGV: mark, user
-- Answer: {1 if there is a pot or 0, the user's claim or nil}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local found = redis.call('HMGET', KEYS[2], '#v', ARGV[2])
return {found[1] and 1 or 0, found[2]}
