-- Remove notifications that are over and were created before a moment. Returns how many.
-- ARGV: prefix, moment, limit
local removed = 0
for _, state in ipairs({'delivered', 'dead'}) do
  local index = ARGV[1] .. 'notifications:' .. state
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
    redis.call('ZREM', index, id)
    redis.call('ZREM', ARGV[1] .. 'notifications', id)
    local tenant = redis.call('HGET', ARGV[1] .. 'notification:' .. id, 'tenant')
    if tenant then redis.call('ZREM', ARGV[1] .. 'tenant_notifications:' .. tenant, id) end
    removed = removed + redis.call('DEL', ARGV[1] .. 'notification:' .. id)
  end
end
return removed
