
-- Reads log entries after a position, if the log knows it.
--
-- KEYS: home, log, read
-- ARGV: mark, id of the entry before the first, its fingerprint or '', most entries, then all readers
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

if ARGV[3] ~= '' and not known(KEYS[2], KEYS[3], ARGV[2], ARGV[3], {unpack(ARGV, 5)}) then
	return wentBack(KEYS[1], ARGV[1])
end
return redis.call('XRANGE', KEYS[2], '(' .. ARGV[2], '+', 'COUNT', ARGV[4])
