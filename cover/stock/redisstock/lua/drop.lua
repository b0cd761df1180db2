-- Forgets a pot and its codes.
--
-- KEYS: home, pot, codes
-- ARGV: mark
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

return redis.call('UNLINK', KEYS[2], KEYS[3])
