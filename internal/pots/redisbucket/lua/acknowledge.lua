-- Moves a reader forward, never back, and drops the entries that every reader has behind it.
--
-- KEYS: home, log, read
-- ARGV: installation, reader, entry id, then all readers
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local function parse(id)
	local ms, seq = string.match(id, '^(%d+)-(%d+)$')
	return tonumber(ms), tonumber(seq)
end

local function before(a, b) -- as entry ids
	local ams, aseq = parse(a)
	local bms, bseq = parse(b)
	return ams < bms or (ams == bms and aseq < bseq)
end

local old = redis.call('HGET', KEYS[3], ARGV[2])
if old and not before(old, ARGV[3]) then return 0 end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])

local least
for i = 4, #ARGV do
	local position = redis.call('HGET', KEYS[3], ARGV[i])
	if not position then return 1 end
	if not least or before(position, least) then least = position end
end
local ms, seq = string.match(least, '^(%d+)-(%d+)$')
redis.call('XTRIM', KEYS[2], 'MINID', '=', ms .. '-' .. string.format('%.0f', tonumber(seq) + 1))
return 1
