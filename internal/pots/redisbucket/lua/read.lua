-- Reads log entries.
--
-- KEYS: home, log
-- ARGV: installation, id of the entry before the first, most entries
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

return redis.call('XRANGE', KEYS[2], '(' .. ARGV[2], '+', 'COUNT', ARGV[3])
