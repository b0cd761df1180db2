-- Takes from a limit, or refuses to (GCRA). The key holds when, in microseconds of this server's clock, everything that
-- was taken so far will be free again.
-- KEYS[1]  of whom
-- ARGV     microseconds that one takes to be free again · how many may be taken at once · how many are wanted
--          (0 to look)
-- Returns  1 if they were taken · how many may still be · µs until they could be, 0 if taken · µs until all are free
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local free = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local after = free + interval * cost
local earliest = after - interval * burst
if earliest > now then
  return {0, math.floor((interval * burst - (free - now)) / interval), earliest - now, free - now}
end
if cost > 0 then
  -- Neither to the AOF nor to replicas: a limit need not survive a crash, and its caller need not wait for the disk.
  redis.set_repl(redis.REPL_NONE)
  redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
end
return {1, math.floor((now - earliest) / interval), 0, after - now}
