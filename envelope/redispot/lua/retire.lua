-- Ends pots: drops their shares, and lets them be forgotten.
--
-- KEYS: home, log, ends, then for each envelope: pot, shares
-- ARGV: mark, seconds to keep a retired pot, then for each envelope: id, refunded (minor units)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local lines = {}
for key = 4, #KEYS, 2 do
	local pot, shares = KEYS[key], KEYS[key + 1]
	local id, refunded = ARGV[key - 1], ARGV[key]
	redis.call('ZREM', KEYS[3], id)
	if redis.call('EXISTS', pot) == 1 then
		redis.call('DEL', shares)
		if refunded ~= '0' and redis.call('HSETNX', pot, '#r', refunded) == 1 then
			lines[#lines + 1] = 'r ' .. id .. ' ' .. refunded
		end
		if redis.call('TTL', pot) < 0 then redis.call('EXPIRE', pot, ARGV[2]) end
	end
end
if #lines > 0 then redis.call('XADD', KEYS[2], '*', 'v', table.concat(lines, '\n')) end
return 1
