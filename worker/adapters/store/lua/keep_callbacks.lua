-- Keep callbacks, and forget the oldest of each verdict beyond a number, a size and an age.
-- ARGV: prefix, and as JSON: callbacks: {id, verdict, at, count, doc}; kept, bytes: how many and how many bytes are kept of
-- each verdict; before: a moment.
--
--   inbox:<verdict>  zset  id -> when the newest of those alike came
--   inbox:docs       hash  id -> doc (JSON) of the newest
--   inbox:counts     hash  id -> how many alike came
--   inbox:bytes      hash  verdict -> bytes of its docs
--   inbox:bound      hash  id -> the job that it was bound to (JSON)
local asked = cjson.decode(ARGV[2])
local function key(name) return ARGV[1] .. 'inbox:' .. name end

local function keep(one)
  local before = redis.call('HSTRLEN', key('docs'), one.id)
  redis.call('ZADD', key(one.verdict), one.at, one.id)
  redis.call('HSET', key('docs'), one.id, one.doc)
  redis.call('HINCRBY', key('counts'), one.id, one.count)
  redis.call('HINCRBY', key('bytes'), one.verdict, #one.doc - before)
end

-- Whether the oldest of a verdict was one too many.
local function forget_oldest(verdict)
  local id, at = unpack(redis.call('ZRANGE', key(verdict), 0, 0, 'WITHSCORES'))
  if not id then return false end
  local size = tonumber(redis.call('HGET', key('bytes'), verdict) or 0)
  local fits = size <= asked.bytes and redis.call('ZCARD', key(verdict)) <= asked.kept
  if fits and tonumber(at) >= asked.before then return false end
  redis.call('HINCRBY', key('bytes'), verdict, -redis.call('HSTRLEN', key('docs'), id))
  redis.call('ZREM', key(verdict), id)
  for _, hash in ipairs({'docs', 'counts', 'bound'}) do redis.call('HDEL', key(hash), id) end
  return true
end

for _, one in ipairs(asked.callbacks) do keep(one) end
for _, verdict in ipairs({'applied', 'unchanged', 'stale', 'foreign', 'refused'}) do
  while forget_oldest(verdict) do end
end
