-- Tells what a pot knows. Closes it if asked to, or if its time is over.
--
-- KEYS: home, pot, shares
-- ARGV: installation, 1 to close or 0
-- Answer: {shares left, 1 if nothing can be taken any more or 0, {field, value, …}}; nil if there is no pot
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local pot, shares = KEYS[2], KEYS[3]
local head = redis.call('HMGET', pot, '#x', '#c')
if not head[1] then return false end

local left = tonumber(head[2] or redis.call('LLEN', shares))
local closed = head[2]
if not closed then
	local time = redis.call('TIME')
	if ARGV[2] == '1' or time[1] * 1000 + math.floor(time[2] / 1000) >= tonumber(head[1]) then
		redis.call('HSET', pot, '#c', left)
		closed = true
	end
end
return {left, (closed or left == 0) and 1 or 0, redis.call('HGETALL', pot)}
