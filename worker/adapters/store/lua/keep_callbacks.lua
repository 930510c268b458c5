-- Keep callbacks, and forget the oldest of each verdict beyond a number, a size and an age.
-- ARGV: prefix; as JSON: callbacks: {id, verdict, at, count}, kept, bytes: how many and how many bytes are kept of each
-- verdict, before: a moment; and the doc (JSON) of each of the callbacks.
--
--   inbox:<verdict>  zset  id -> when the newest of those alike came
--   inbox:docs       hash  id -> doc (JSON) of the newest
--   inbox:counts     hash  id -> how many alike came besides it
--   inbox:bytes      hash  verdict -> bytes of its docs
--   inbox:bound      hash  id -> the job that it was bound to (JSON)
local asked = cjson.decode(ARGV[2])
local function key(name) return ARGV[1] .. 'inbox:' .. name end

local function keep(one, doc)
  local before = redis.call('HSTRLEN', key('docs'), one.id)
  redis.call('ZADD', key(one.verdict), one.at, one.id)
  redis.call('HSET', key('docs'), one.id, doc)
  redis.call('HINCRBY', key('bytes'), one.verdict, #doc - before)
  if before > 0 or one.count > 1 then redis.call('HINCRBY', key('counts'), one.id, one.count + (before > 0 and 0 or -1)) end
end

local function forget(verdict, ids)
  if #ids == 0 then return end
  local size = 0
  for _, id in ipairs(ids) do size = size + redis.call('HSTRLEN', key('docs'), id) end
  redis.call('HINCRBY', key('bytes'), verdict, -size)
  redis.call('ZREM', key(verdict), unpack(ids))
  for _, hash in ipairs({'docs', 'counts', 'bound'}) do redis.call('HDEL', key(hash), unpack(ids)) end
end

local AT_ONCE = 1000 -- Lua takes no more arguments than some thousand

local function trim(verdict)
  local before = '(' .. string.format('%.3f', asked.before)
  forget(verdict, redis.call('ZRANGEBYSCORE', key(verdict), '-inf', before, 'LIMIT', 0, AT_ONCE))
  local excess = redis.call('ZCARD', key(verdict)) - asked.kept
  if excess > 0 then forget(verdict, redis.call('ZRANGE', key(verdict), 0, math.min(excess, AT_ONCE) - 1)) end
  while tonumber(redis.call('HGET', key('bytes'), verdict) or 0) > asked.bytes do
    local oldest = redis.call('ZRANGE', key(verdict), 0, 0)
    if #oldest == 0 then return end
    forget(verdict, oldest)
  end
end

for n, one in ipairs(asked.callbacks) do keep(one, ARGV[n + 2]) end
for _, verdict in ipairs({'applied', 'unchanged', 'stale', 'foreign', 'refused'}) do trim(verdict) end
