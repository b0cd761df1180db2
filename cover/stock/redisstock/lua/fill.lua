-- Puts fields into a pot that is being made, or into its codes. The last call has #v, which opens the pot.
--
-- KEYS: home, pot, where the fields belong (the pot or its codes)
-- ARGV: mark, then pairs of field and value
-- Answer: 1; 0 if the pot is open, then nothing changed
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

if redis.call('HEXISTS', KEYS[2], '#v') == 1 then return 0 end
redis.call('HSET', KEYS[3], unpack(ARGV, 2))
return 1
