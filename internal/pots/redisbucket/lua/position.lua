-- Tells how far a reader has acknowledged.
--
-- KEYS: home, read
-- ARGV: mark, reader
-- Answer: an entry id, or nil
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

return redis.call('HGET', KEYS[2], ARGV[2])
