-- Gives shares to users, for any number of envelopes of one bucket. All its wins go into one log entry.
--
-- KEYS: home, log, then for each envelope: pot, shares; last, where users are traced, the stream of traces
-- ARGV: mark, then for each envelope: id, number of users, the users; then for each user who is traced: the place among
-- all users, from 1, the id, the trace
-- Answer: one word for each user, in order, between them a space:
--   w<share>:<minor>:<at>  won          a<share>:<minor>:<at>  the same share again
--   e<count>  empty                     x<count>  expired      n  no pot
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local time = redis.call('TIME')
local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local answers, wins = {}, {}

-- What somebody without a share is told once there is nothing to take: the pot is drained, or what was left is closed.
local function nothing(pot)
	local head = redis.call('HMGET', pot, '#n', '#x', '#r')
	if not head[1] then return 'n' end
	local taken = redis.call('HLEN', pot) - 1 - (head[2] and 1 or 0) - (head[3] and 1 or 0)
	return (taken < tonumber(head[1]) and 'x' or 'e') .. head[1]
end

local arg = 2
for key = 3, #KEYS - 1, 2 do
	local pot, shares, id = KEYS[key], KEYS[key + 1], ARGV[arg]
	local first, last = arg + 2, arg + 1 + ARGV[arg + 1]
	arg = last + 1
	local loser
	for i = first, last do
		local user, answer = ARGV[i], nil
		-- Most who ask while there are shares have none, so a share is popped first and put back where its user has
		-- one.
		local share = not loser and redis.call('LPOP', shares)
		if share then
			local mark = string.sub(share, 1, 1) == '!' and '1 ' or '0 '
			local take = (mark == '1 ' and string.sub(share, 2) or share) .. ':' .. at
			if redis.call('HSETNX', pot, user, take) == 1 then
				answer = 'w' .. take
				wins[#wins + 1] = 't ' .. id .. ' ' .. mark .. take .. ':' .. user
			else
				-- The pop of the last share deleted the list together with its time to live. A pot without #x must not
				-- make the script fail: what it did would stay, without a log entry.
				redis.call('LPUSH', shares, share)
				local expires = mark == '1 ' and redis.call('HGET', pot, '#x')
				if expires then redis.call('PEXPIREAT', shares, expires) end
			end
		else
			loser = loser or nothing(pot)
		end
		if not answer then
			local had = redis.call('HGET', pot, user)
			answer = had and 'a' .. had or loser
		end
		answers[#answers + 1] = answer
	end
end

if #wins > 0 then
	local entry = redis.call('XADD', KEYS[2], '*', 'v', table.concat(wins, '\n'))
	-- The traces of wins, <id>:<share> → trace, stand under the id of their log entry. They are only to be looked at,
	-- so no failure of theirs may make the script fail: a log that went back makes ids that the stream knows already.
	if #KEYS % 2 == 1 then
		local traces, stream = {}, KEYS[#KEYS]
		for i = arg, #ARGV, 3 do
			local share = string.match(answers[tonumber(ARGV[i])], '^w(%d+):')
			if share then
				traces[#traces + 1] = ARGV[i + 1] .. ':' .. share
				traces[#traces + 1] = ARGV[i + 2]
			end
		end
		if #traces > 0 then
			redis.pcall('XADD', stream, 'MAXLEN', '~', '1024', entry, unpack(traces))
			redis.pcall('EXPIRE', stream, '3600')
		end
	end
end
return table.concat(answers, ' ')
