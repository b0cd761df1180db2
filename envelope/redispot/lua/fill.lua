-- Makes the pots that do not exist yet.
--
-- KEYS: home, log, ends, then for each: pot, shares
-- ARGV: mark, then for each: id, expires (ms), number of shares,
--       shares to take "<share>:<minor> …", shares taken "<user> <share>:<minor>:<at> …"
-- Answer: how many pots were made.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local CHUNK = 1000 -- unpack has room for about 8,000 values on the stack

local function flush(command, key, values)
	if #values > 0 then redis.call(command, key, unpack(values)) end
	return {}
end

local function fill(pot, shares, id, expires, count, left, taken)
	redis.call('DEL', shares)
	redis.call('HSET', pot, '#n', count, '#x', expires)
	redis.call('ZADD', KEYS[3], expires, id)

	local values = {}
	for share in string.gmatch(left, '%S+') do
		values[#values + 1] = share
		if #values == CHUNK then values = flush('RPUSH', shares, values) end
	end
	flush('RPUSH', shares, values)
	redis.call('PEXPIREAT', shares, expires)

	values = {}
	for user, take in string.gmatch(taken, '(%S+) (%S+)') do
		values[#values + 1] = user
		values[#values + 1] = take
		if #values == CHUNK then values = flush('HSET', pot, values) end
	end
	flush('HSET', pot, values)

	if taken == '' then redis.call('XADD', KEYS[2], '*', 'v', 's ' .. id) end
end

local made, n = 0, 2
for k = 4, #KEYS, 2 do
	if redis.call('EXISTS', KEYS[k]) == 0 then
		fill(KEYS[k], KEYS[k + 1], unpack(ARGV, n, n + 4))
		made = made + 1
	end
	n = n + 5
end
return made
