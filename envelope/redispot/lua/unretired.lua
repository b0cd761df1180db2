-- Tells which envelopes are not retired though their time is over by Redis's clock, in the order of their ends.
--
-- KEYS: home, ends
-- ARGV: mark, how many to skip, how many to tell
-- Answer: the ids
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', ARGV[2], ARGV[3])
