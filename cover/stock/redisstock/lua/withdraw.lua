-- Takes what is left of a cover's pieces, once for each withdrawal.
--
-- KEYS: home, log, pot
-- ARGV: mark, cover, withdrawal, pieces asked for
-- Answer: how many pieces it took; nil if there is no pot
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local head = redis.call('HMGET', KEYS[3], '#v', '#b', '#c', '#w', '#w' .. ARGV[3])
if not head[1] then return false end
if head[5] then return tonumber(head[5]) end
local pieces = math.max(0, math.min(tonumber(ARGV[4]), head[2] - head[3] - head[4]))
redis.call('HINCRBY', KEYS[3], '#w', pieces)
redis.call('HSET', KEYS[3], '#w' .. ARGV[3], pieces)
redis.call('XADD', KEYS[2], '*', 'v', 'w ' .. ARGV[2] .. ' ' .. ARGV[3] .. ':' .. pieces)
return pieces
