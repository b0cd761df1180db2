-- What scripts that take a position begin with.

local function parse(id)
	local ms, seq = string.match(id, '^(%d+)-(%d+)')
	return tonumber(ms), tonumber(seq)
end

local function before(a, b) -- as positions
	local ams, aseq = parse(a)
	local bms, bseq = parse(b)
	return ams < bms or (ams == bms and aseq < bseq)
end

-- Whether the log has, or had until every reader was behind it, an entry with this id and fingerprint.
local function known(log, read, id, fingerprint, readers)
	local entry = redis.call('XRANGE', log, id, id)[1]
	if entry then return string.sub(redis.sha1hex(entry[2][2]), 1, #fingerprint) == fingerprint end
	for i = 1, #readers do
		local position = redis.call('HGET', read, readers[i])
		if not position or before(position, id) then return false end
	end
	return true
end

-- Nothing is done any more on a bucket that went back in time.
local function wentBack(home, mark)
	redis.call('SET', home, mark .. ' !back')
	return redis.error_reply('POTSBACK')
end
