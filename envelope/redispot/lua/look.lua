-- Tells what a pot knows. Closes it if asked to, and its time is over by Redis's clock.
--
-- KEYS: home, pot, shares, ends
-- ARGV: mark, 1 to close or 0, id
-- Answer: {1 if something can be taken or 0, {field, value, …}}; nil if there is no pot; {2, {}}
--   where it is too early to close it
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local pot, shares = KEYS[2], KEYS[3]
if redis.call('EXISTS', pot) == 0 then return false end

if ARGV[2] == '1' then
	local time, ends = redis.call('TIME'), redis.call('HGET', pot, '#x')
	if ends and time[1] * 1000 + math.floor(time[2] / 1000) < tonumber(ends) then return {2, {}} end
	redis.call('DEL', shares)
	redis.call('ZADD', KEYS[4], ends or 0, ARGV[3])
end
return {redis.call('EXISTS', shares), redis.call('HGETALL', pot)}
