-- Adds codes that are not there.
--
-- KEYS: home, codes
-- ARGV: mark, what each is worth, then the digests
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

for i = 3, #ARGV do redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[2]) end
return 1
