-- Numbers events, remembers the latest and hands them to the nodes, in one step: what a node receives is in order and
-- already in the history.
-- KEYS  1 state (hash: epoch, seq)  2 history (list, the oldest first)  3 channel
-- ARGV  1 epoch, should a history begin  2 events to remember  3 seconds to remember them  4… events
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', 0)
end
local count = #ARGV - 3
local seq = redis.call('HINCRBY', KEYS[1], 'seq', count)
redis.call('RPUSH', KEYS[2], unpack(ARGV, 4))
redis.call('LTRIM', KEYS[2], '-' .. ARGV[2], -1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
local first = string.format('%.0f', seq - count + 1)
redis.call('SPUBLISH', KEYS[3],
  '{"epoch":"' .. epoch .. '","first":' .. first .. ',"events":[' .. table.concat(ARGV, ',', 4) .. ']}')
return seq
