-- How many workers gave a sign of life of late, by the clock of the server that has the key, as heartbeats count.
--
-- KEYS: the workers
-- ARGV: how long ago at most, in milliseconds
local now = redis.call('TIME')
local since = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[1])
return redis.call('ZCOUNT', KEYS[1], string.format('%.0f', since), '+inf')
