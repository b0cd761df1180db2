-- Gives pieces to users, and counts views, for any number of covers of one bucket. All goes into one log entry. The
-- users of a cover are looked up with one command, and written with one.
--
-- KEYS: home, log, then for each cover: pot, codes
-- ARGV: mark, then for each cover: id, number of calls, ms that its clock is ahead, then for each call: channel, digest
--       of a code or a payment or -, user or # for a view
-- Answer: one word for each call, in order, between them a space:
--   w<channel>:<at>:<digest>  claimed      a<channel>:<at>:<digest>  the same claim again
--   s  sold out   q  quota spent   b  not started   x  ended   u  code or payment used   k  code unknown   v  seen
--   n  no pot
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local time = redis.call('TIME')
local base = time[1] * 1000 + math.floor(time[2] / 1000)
local now, at -- of the cover that is looked at
local answers, lines = {}, {}

-- What the script knows of a cover, and what it will write.
local function open(pot, codes)
	local head = redis.call('HMGET', pot, '#v', '#b', '#c', '#w')
	if not head[1] then return nil end
	return {pot = pot, codes = codes, left = head[2] - head[3] - head[4], claimed = 0, channels = {}, writes = {},
		used = {}, views = {}, fresh = {}, freshCodes = {}}
end

local function channelOf(cover, id)
	local c = cover.channels[id]
	if c == nil then
		local found = redis.call('HMGET', cover.pot, '#t' .. id, '#n' .. id)
		c = false
		if found[1] then
			local kind, quota, starts, ends, closed = string.match(found[1], '^(%a+):(%d+):(%d+):(%d+):(%d)$')
			c = {kind = kind, quota = tonumber(quota), starts = tonumber(starts), ends = tonumber(ends),
				closed = closed == '1', before = tonumber(found[2] or '0'), taken = 0}
		end
		cover.channels[id] = c
	end
	return c
end

-- Why nobody gets a piece through a channel now; nil if somebody does.
local function refusal(cover, channel)
	if now < channel.starts then return 'b' end
	if channel.closed or (channel.ends > 0 and now >= channel.ends) then return 'x' end
	if channel.quota > 0 and channel.before + channel.taken >= channel.quota then return 'q' end
	if cover.left < 1 then return 's' end
end

local function claim(id, cover, channel, digest, user, held, code)
	local had = cover.fresh[user] or held
	if had then return 'a' .. had end
	local terms = channelOf(cover, channel)
	if not terms then return 'k' end
	local single = false
	if terms.kind == 'grant' then
		if digest ~= '-' then return 'k' end
	elseif terms.kind == 'payment' then -- a payment is known once it has given its piece
		if digest == '-' then return 'k' end
		if cover.freshCodes[digest] or code then return 'u' end
		single = true
	else
		local state = cover.freshCodes[digest] or code
		if not state then return 'k' end
		if state ~= channel .. ' *' then
			if state ~= channel then
				return string.sub(state, 1, #channel + 1) == channel .. ' ' and 'u' or 'k'
			end
			single = true
		end
	end
	local why = refusal(cover, terms)
	if why then return why end
	local take = channel .. ':' .. at .. ':' .. (single and digest or '')
	cover.left, cover.claimed, terms.taken = cover.left - 1, cover.claimed + 1, terms.taken + 1
	cover.fresh[user] = take
	cover.writes[#cover.writes + 1] = user
	cover.writes[#cover.writes + 1] = take
	if single then
		cover.freshCodes[digest] = channel .. ' ' .. user
		cover.used[#cover.used + 1] = digest
		cover.used[#cover.used + 1] = channel .. ' ' .. user
	end
	lines[#lines + 1] = 'c ' .. id .. ' ' .. take .. ' ' .. user
	return 'w' .. take
end

local function see(cover, channel)
	if not channelOf(cover, channel) then return 'k' end
	cover.views[channel] = (cover.views[channel] or 0) + 1
	return 'v'
end

local function write(id, cover)
	if cover.claimed > 0 then
		redis.call('HINCRBY', cover.pot, '#c', cover.claimed)
		for channel, terms in pairs(cover.channels) do
			if terms and terms.taken > 0 then redis.call('HINCRBY', cover.pot, '#n' .. channel, terms.taken) end
		end
		redis.call('HSET', cover.pot, unpack(cover.writes))
		if #cover.used > 0 then redis.call('HSET', cover.codes, unpack(cover.used)) end
	end
	for channel, count in pairs(cover.views) do
		lines[#lines + 1] = 'v ' .. id .. ' ' .. channel .. ':' .. count .. ':' .. at
	end
end

local arg = 2
for key = 3, #KEYS, 2 do
	local id, calls = ARGV[arg], tonumber(ARGV[arg + 1])
	now = base + ARGV[arg + 2]
	at = string.format('%.0f', now)
	arg = arg + 3
	local cover = open(KEYS[key], KEYS[key + 1])
	if cover then
		local users, digests = {}, {}
		for i = 0, calls - 1 do
			digests[i + 1], users[i + 1] = ARGV[arg + 3 * i + 1], ARGV[arg + 3 * i + 2]
		end
		local held = redis.call('HMGET', cover.pot, unpack(users))
		local codes = redis.call('HMGET', cover.codes, unpack(digests))
		for i = 1, calls do
			local channel, digest, user = ARGV[arg + 3 * (i - 1)], digests[i], users[i]
			answers[#answers + 1] = user == '#' and see(cover, channel)
				or claim(id, cover, channel, digest, user, held[i], codes[i])
		end
		write(id, cover)
	else
		for _ = 1, calls do answers[#answers + 1] = 'n' end
	end
	arg = arg + 3 * calls
end

if #lines > 0 then redis.call('XADD', KEYS[2], '*', 'v', table.concat(lines, '\n')) end
return table.concat(answers, ' ')
