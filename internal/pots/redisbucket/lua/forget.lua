-- Drops keys of earlier epochs.
--
-- KEYS: home, old, then the keys
-- ARGV: mark, 1 if nothing of earlier epochs is left now or 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

if #KEYS > 2 then redis.call('UNLINK', unpack(KEYS, 3)) end
if ARGV[2] == '1' then redis.call('DEL', KEYS[2]) end
return 1
