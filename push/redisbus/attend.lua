-- Says who of a node takes part in a topic's presence, and returns how many do on all nodes. Those that listen to the
-- topic are told when that number has changed. A subject on several nodes counts once, but for nodes that name nobody.
-- KEYS  1 nodes (hash: node → 'till:count:marks'; '=' → the number told last)  2 channel
-- ARGV  1 node  2 milliseconds for which this holds  3 number of subjects; '0' takes the node out
--       4 a mark of 8 bytes for each subject, or '' where they are too many
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now + ARGV[2]) .. ':' .. ARGV[3] .. ':' .. ARGV[4])
end

local fields, told, present, latest, known = redis.call('HGETALL', KEYS[1]), '', 0, 0, {}
for i = 1, #fields, 2 do
  if fields[i] == '=' then
    told = fields[i + 1]
  else
    local first = string.find(fields[i + 1], ':', 1, true)
    local second = string.find(fields[i + 1], ':', first + 1, true)
    local marks = string.sub(fields[i + 1], second + 1)
    local till = tonumber(string.sub(fields[i + 1], 1, first - 1))
    latest = math.max(latest, till)
    if till <= now then
      redis.call('HDEL', KEYS[1], fields[i])
    elseif marks == '' then
      present = present + string.sub(fields[i + 1], first + 1, second - 1)
    else
      for at = 1, #marks, 8 do
        local mark = string.sub(marks, at, at + 7)
        if not known[mark] then
          known[mark] = true
          present = present + 1
        end
      end
    end
  end
end

local number = string.format('%.0f', present)
if present == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], '=', number)
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', latest))
end
if number ~= told then
  redis.call('SPUBLISH', KEYS[2], '{"present":' .. number .. '}')
end
return present
