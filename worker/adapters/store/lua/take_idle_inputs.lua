-- Take some pictures that no job has referenced since a moment; they are unlisted.
-- ARGV: prefix, moment, limit
local idle = ARGV[1] .. 'inputs:idle'
local found = {}
for _, blob in ipairs(redis.call('ZRANGEBYSCORE', idle, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  redis.call('ZREM', idle, blob)
  if redis.call('HEXISTS', ARGV[1] .. 'inputs', blob) == 0 then table.insert(found, blob) end
end
return found
