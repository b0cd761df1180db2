-- Tells which pots are not there.
--
-- KEYS: home, then the pots
-- ARGV: mark
-- Answer: the indexes of those missing, from 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local missing = {}
for key = 2, #KEYS do
	if redis.call('EXISTS', KEYS[key]) == 0 then missing[#missing + 1] = key - 2 end
end
return missing
