-- Tells what a pot knows. Closes it if asked to.
--
-- KEYS: home, pot, shares, closed
-- ARGV: mark, 1 to close or 0, id
-- Answer: {1 if something can be taken or 0, {field, value, …}}; nil if there is no pot
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local pot, shares = KEYS[2], KEYS[3]
if redis.call('EXISTS', pot) == 0 then return false end

if ARGV[2] == '1' then
	redis.call('DEL', shares)
	redis.call('SADD', KEYS[4], ARGV[3])
end
return {redis.call('EXISTS', shares), redis.call('HGETALL', pot)}
