-- Shared by the scripts that write notifications. ARGV[1] is the prefix.
--
--   notification:<id>      hash  doc (JSON), v (version), state, line (its ordering key), created, tenant if any
--   notifications          zset  id -> created_at; notifications:<state> and tenant_notifications:<tenant> likewise
--   outbox                 zset  id -> when it is due; only the first of each ordering key
--   outbox:<ordering key>  list  ids that wait, in the order in which they are sent

local function notification_key(id) return ARGV[1] .. 'notification:' .. id end

-- Append to its ordering key; due once all before it are delivered or dead.
local function send_off(id, ordering_key, due)
  if redis.call('RPUSH', ARGV[1] .. 'outbox:' .. ordering_key, id) == 1 then
    redis.call('ZADD', ARGV[1] .. 'outbox', due, id)
  end
end

-- Remove the first of its ordering key; the next one is due.
local function take_off(id, ordering_key, now)
  local waiting = ARGV[1] .. 'outbox:' .. ordering_key
  redis.call('LREM', waiting, 1, id)
  redis.call('ZREM', ARGV[1] .. 'outbox', id)
  local heir = redis.call('LINDEX', waiting, 0)
  if heir then redis.call('ZADD', ARGV[1] .. 'outbox', now, heir) end
end

local function tell(note, now)
  local key = notification_key(note.id)
  redis.call('HSET', key, 'doc', note.doc, 'v', 1, 'state', 'waiting', 'line', note.ordering_key, 'created', now)
  redis.call('ZADD', ARGV[1] .. 'notifications', now, note.id)
  redis.call('ZADD', ARGV[1] .. 'notifications:waiting', now, note.id)
  if note.tenant then
    redis.call('HSET', key, 'tenant', note.tenant)
    redis.call('ZADD', ARGV[1] .. 'tenant_notifications:' .. note.tenant, now, note.id)
  end
  send_off(note.id, note.ordering_key, now)
end

-- Notify of a batch's end if its jobs are over and its file was read completely. After a retry it may end again.
local function end_batch(id, now)
  local batch = ARGV[1] .. 'batch:' .. id
  local pattern, whole, open = unpack(redis.call('HMGET', batch, 'notify', 'whole', 'open'))
  if not pattern or not whole or tonumber(open or 0) > 0 then return end
  local number = redis.call('HINCRBY', batch, 'ends', 1)
  now = tonumber(string.format('%.3f', now)) -- as many digits as cjson writes
  local note = cjson.decode(pattern)
  note.id, note.created_at, note.due_at = note.id .. '-' .. number, now, now
  tell({id = note.id, ordering_key = note.line, tenant = note.tenant, doc = cjson.encode(note)}, now)
end
