-- Some of the pictures that no job held since a moment; they are no longer listed.
-- ARGV: prefix, moment, limit
local idle = ARGV[1] .. 'inputs:idle'
local found = {}
for _, blob in ipairs(redis.call('ZRANGEBYSCORE', idle, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  redis.call('ZREM', idle, blob)
  if redis.call('HEXISTS', ARGV[1] .. 'inputs', blob) == 0 then table.insert(found, blob) end
end
return found
