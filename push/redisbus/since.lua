-- Returns {epoch, seq, complete (1 or 0), events…}: where a topic stands and, where they are all there, the events
-- after a place. A topic without a history begins one, so that its place can be named.
-- KEYS  1 state  2 history
-- ARGV  1 epoch, should a history begin  2 seconds to remember it
--       3 epoch and 4 number of the place  5 '1' where a node has been there itself  6 the event it saw there, or ''
local function begin()
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', 0)
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  return {ARGV[1], '0', 0}
end

local state = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
if not state[1] then
  return begin()
end
local after, seq = tonumber(ARGV[4]), tonumber(state[2])
if ARGV[3] ~= state[1] then
  return {state[1], state[2], 0}
end
local before = seq - redis.call('LLEN', KEYS[2]) -- the number before the oldest event remembered

-- A Redis that comes back with less than it had (a failover, a lost tail of the AOF) would give numbers away twice. The
-- node that notices ends the epoch, so that everybody is told to reload.
if ARGV[5] == '1' then
  local stored = after > before and after <= seq and redis.call('LINDEX', KEYS[2], after - before - 1)
  if after > seq or (stored and ARGV[6] ~= '' and stored ~= ARGV[6]) then
    return begin()
  end
end

if after < before or after > seq then
  return {state[1], state[2], 0}
end
local answer = {state[1], state[2], 1}
for i, event in ipairs(redis.call('LRANGE', KEYS[2], after - before, -1)) do
  answer[i + 3] = event
end
return answer
