-- Lets calls in that know the epoch of a fenced bucket.
--
-- KEYS: home
-- ARGV: mark
local home = redis.call('GET', KEYS[1])
if home == ARGV[1] .. ' !rebuild' then
	redis.call('SET', KEYS[1], ARGV[1])
elseif home ~= ARGV[1] then
	return redis.error_reply('POTSLOST')
end
return 1
