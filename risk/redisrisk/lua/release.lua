-- Takes a claim out of windows again.
-- KEYS     the windows, all of one subject
-- ARGV     the member that the claim is there
for _, key in ipairs(KEYS) do
  redis.call('ZREM', key, ARGV[1])
end
return 0
