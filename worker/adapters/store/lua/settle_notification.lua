-- Record the outcome of a delivery, unless another process was first. Returns 1 if written.
-- ARGV: prefix, now, id, version, state, due ('': none), doc, field of `metrics` that counts it ('': none)
local now, id, version, state, due, doc, counted = unpack(ARGV, 2, 8)
local key = notification_key(id)
local stored, was, ordering_key, created = unpack(redis.call('HMGET', key, 'v', 'state', 'line', 'created'))
if not stored or tonumber(stored) ~= tonumber(version) - 1 then return 0 end
redis.call('HSET', key, 'doc', doc, 'v', version, 'state', state)
if counted ~= '' then redis.call('HINCRBY', ARGV[1] .. 'metrics', counted, 1) end
if was ~= state then
  redis.call('ZREM', ARGV[1] .. 'notifications:' .. was, id)
  redis.call('ZADD', ARGV[1] .. 'notifications:' .. state, created, id)
end
if state ~= 'waiting' then
  if was == 'waiting' then take_off(id, ordering_key, now) end
elseif was == 'waiting' then
  redis.call('ZADD', ARGV[1] .. 'outbox', 'XX', due, id)
else
  send_off(id, ordering_key, due)
end
return 1
