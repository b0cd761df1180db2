-- Makes a pot, unless it is there.
--
-- KEYS: home, log, pot, shares, ends
-- ARGV: mark, id, expires (ms), number of shares,
--       shares to take "<share>:<minor> …", shares taken "<user> <share>:<minor>:<at> …"
-- Answer: 1 if the pot was made, 0 if it was there.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local pot, shares = KEYS[3], KEYS[4]
if redis.call('EXISTS', pot) == 1 then return 0 end

local CHUNK = 1000 -- unpack has room for about 8,000 values on the stack

local function flush(command, key, values)
	if #values > 0 then redis.call(command, key, unpack(values)) end
	return {}
end

redis.call('DEL', shares)
redis.call('HSET', pot, '#n', ARGV[4], '#x', ARGV[3])
redis.call('ZADD', KEYS[5], ARGV[3], ARGV[2])

local values = {}
for share in string.gmatch(ARGV[5], '%S+') do
	values[#values + 1] = share
	if #values == CHUNK then values = flush('RPUSH', shares, values) end
end
flush('RPUSH', shares, values)
redis.call('PEXPIREAT', shares, ARGV[3])

values = {}
for user, take in string.gmatch(ARGV[6], '(%S+) (%S+)') do
	values[#values + 1] = user
	values[#values + 1] = take
	if #values == CHUNK then values = flush('HSET', pot, values) end
end
flush('HSET', pot, values)

if ARGV[6] == '' then redis.call('XADD', KEYS[2], '*', 'v', 's ' .. ARGV[2]) end
return 1
