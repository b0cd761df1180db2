-- Tells how much of the log a reader has before it. The number is exact for the reader that is behind, and in
-- proportion to the time for the one ahead, so that nothing has to be counted.
--
-- KEYS: home, log, read
-- ARGV: mark, reader
-- Answer: {entries, age of the oldest in ms}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('POTSLOST') end

local function ms(entries) return tonumber(string.match(entries[1][1], '^(%d+)')) end

local position = string.match(redis.call('HGET', KEYS[3], ARGV[2]) or '0-0', '^%d+-%d+')
local next = redis.call('XRANGE', KEYS[2], '(' .. position, '+', 'COUNT', 1)
if #next == 0 then return {0, 0} end

local time = redis.call('TIME')
local age = math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - ms(next))
local all = redis.call('XLEN', KEYS[2])
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
if oldest[1][1] == next[1][1] then return {all, age} end
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local span = ms(newest) - ms(oldest)
local entries = all
if span > 0 then entries = math.ceil(all * (ms(newest) - ms(next)) / span) end
return {math.max(1, math.min(all, entries)), age}
