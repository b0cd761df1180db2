-- Counts a claim in windows that slide, unless it would go beyond one that stops it. A window is a sorted set: its
-- members are claims with their amounts, its scores milliseconds of this server's clock.
-- KEYS     the windows, all of one subject
-- ARGV     the claim's id · its currency · its minor units · of each window: its milliseconds · how many claims pass ·
--          how many minor units pass, 0 for no bound · 1 if it stops a claim
-- Returns  the number of the first window that stops the claim, 0 for none · 1 if it was not counted before
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local suffix = '|' .. ARGV[2] .. '|'
local member = ARGV[1] .. suffix .. ARGV[3]
local new = {}
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 4
  local window, count, most = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local stops = ARGV[at + 4]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  if not redis.call('ZSCORE', key, member) then
    new[#new + 1] = i
    if stops == '1' then
      if redis.call('ZCARD', key) >= count then
        return {i, 0}
      end
      local sum = tonumber(ARGV[3]) -- of 1,001 amounts of at most 2^40: exact
      for _, counted in ipairs(most > 0 and redis.call('ZRANGE', key, 0, -1) or {}) do
        local from, to = string.find(counted, suffix, 1, true)
        if from then
          sum = sum + tonumber(string.sub(counted, to + 1))
        end
      end
      if most > 0 and sum > most then
        return {i, 0}
      end
    end
  end
end
for _, i in ipairs(new) do
  local window, count = ARGV[4 + (i - 1) * 4], tonumber(ARGV[5 + (i - 1) * 4])
  redis.call('ZADD', KEYS[i], now, member)
  redis.call('ZREMRANGEBYRANK', KEYS[i], 0, -count - 2) -- one more than pass are remembered
  redis.call('PEXPIRE', KEYS[i], window)
end
return {0, #new > 0 and 1 or 0}
