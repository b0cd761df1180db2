-- Stops every call on a bucket, unless it is open in the epoch already, and notes the epochs before it.
--
-- KEYS: home, old
-- ARGV: mark of the epoch, installation, the epoch before as the ledger knows it, the epoch
-- Answer: the epochs before, each after a @
local home = redis.call('GET', KEYS[1])
if home ~= ARGV[1] then
	redis.call('SADD', KEYS[2], '@' .. ARGV[3])
	if home then
		local words = {}
		for word in string.gmatch(home, '%S+') do words[#words + 1] = word end
		if words[1] ~= ARGV[2] then return redis.error_reply('POTSFOREIGN') end
		local epoch = words[2] and string.sub(words[2], 1, 1) ~= '!' and words[2] or ''
		redis.call('SADD', KEYS[2], '@' .. epoch)
	end
	redis.call('SREM', KEYS[2], '@' .. ARGV[4])
	redis.call('SET', KEYS[1], ARGV[1] .. ' !rebuild')
end
return redis.call('SMEMBERS', KEYS[2])
