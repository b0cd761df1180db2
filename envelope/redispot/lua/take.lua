-- Gives shares to users, for any number of envelopes of one bucket. All its wins go into one log entry.
--
-- KEYS: home, log, then for each envelope: pot, shares
-- ARGV: installation, then for each envelope: id, number of users, the users
-- Answer: one word for each user, in order, between them a space:
--   w<share>:<minor>:<at>  won          a<share>:<minor>:<at>  the same share again
--   e<count>  empty                     x<count>  expired      n  no pot
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = string.format('%.0f', now)
local answers, lines = {}, {}
local HEAD = 4
local arg = 2

for key = 3, #KEYS, 2 do
	local pot, shares = KEYS[key], KEYS[key + 1]
	local id, count = ARGV[arg], tonumber(ARGV[arg + 1])
	local first, last = arg + 2, arg + 1 + count
	arg = last + 1
	local head = redis.call('HMGET', pot, '#g', '#x', '#c', '#n', unpack(ARGV, first, last))
	local group, expires, closed = head[1], head[2], head[3]

	local fresh, order = {}, {} -- who has no share yet, each once, in order of arrival
	local loser = 'n'
	if group then
		for i = first, last do
			local user = ARGV[i]
			if not head[HEAD + 1 + i - first] and not fresh[user] then
				fresh[user] = true
				order[#order + 1] = user
			end
		end
		if #order > 0 and not closed and now >= tonumber(expires) then
			-- Kept, so that the pot is final even if the clock is set back or a replica with a slower one takes over.
			closed = redis.call('LLEN', shares)
			redis.call('HSET', pot, '#c', closed)
		end
		if #order > 0 and not closed then
			local popped = redis.call('LPOP', shares, #order) or {}
			if #popped > 0 then
				local fields, line = {}, {'t', id, group, at, '0'}
				for i = 1, #popped do
					local user, value = order[i], popped[i] .. ':' .. at
					fresh[user] = 'w' .. value
					fields[2 * i - 1], fields[2 * i] = user, value
					line[#line + 1] = popped[i] .. ':' .. user
				end
				redis.call('HSET', pot, unpack(fields))
				if redis.call('EXISTS', shares) == 0 then line[5] = '1' end
				lines[#lines + 1] = table.concat(line, ' ')
			end
		end
		loser = ((closed and tonumber(closed) > 0) and 'x' or 'e') .. head[4]
	end

	for i = first, last do
		local had, user = head[HEAD + 1 + i - first], ARGV[i]
		local won = fresh[user]
		if had then
			answers[#answers + 1] = 'a' .. had
		elseif type(won) == 'string' then
			answers[#answers + 1] = won
			fresh[user] = 'a' .. string.sub(won, 2)
		else
			answers[#answers + 1] = loser
		end
	end
end

if #lines > 0 then redis.call('XADD', KEYS[2], '*', 'v', table.concat(lines, '\n')) end
return table.concat(answers, ' ')
