
-- Moves a reader forward, never back, if the log knows the position, and drops the entries that every reader has behind
-- it.
--
-- KEYS: home, log, read
-- ARGV: mark, reader, id of the entry, its fingerprint or '', the position whole, then all readers
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local readers = {unpack(ARGV, 6)}
local old = redis.call('HGET', KEYS[3], ARGV[2])
if old and not before(old, ARGV[3]) then return 0 end
if ARGV[4] ~= '' and not known(KEYS[2], KEYS[3], ARGV[3], ARGV[4], readers) then return wentBack(KEYS[1], ARGV[1]) end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[5])

local least
for i = 1, #readers do
	local position = redis.call('HGET', KEYS[3], readers[i])
	if not position then return 1 end
	if not least or before(position, least) then least = position end
end
local ms, seq = string.match(least, '^(%d+)-(%d+)')
redis.call('XTRIM', KEYS[2], 'MINID', '=', ms .. '-' .. string.format('%.0f', tonumber(seq) + 1))
return 1
