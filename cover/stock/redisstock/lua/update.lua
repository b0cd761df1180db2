-- Brings a pot up to newer terms.
--
-- KEYS: home, pot
-- ARGV: mark, version, pieces bought, then pairs of a channel's field and its terms
-- Answer: 1 if it did, 0 if the pot knows them or newer ones; nil if there is no pot
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local version = redis.call('HGET', KEYS[2], '#v')
if not version then return false end
if tonumber(version) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], '#v', ARGV[2], '#b', ARGV[3])
if #ARGV > 3 then redis.call('HSET', KEYS[2], unpack(ARGV, 4)) end
return 1
