-- Keep a refused request, and forget the oldest beyond a number. Returns 1 if it is new.
-- ARGV: prefix, id, created_at, doc, how many are kept, its notification as JSON: {id, ordering_key, doc} ('': none)
--
--   refused       zset  id -> created_at
--   refused:docs  hash  id -> doc (JSON)
-- Its notification goes with it, so that a sender that errs in a loop does not fill the memory.
local function forget_told(note)
  local state = redis.call('HGET', notification_key(note), 'state')
  if not state or state == 'waiting' then return end
  redis.call('ZREM', ARGV[1] .. 'notifications', note)
  redis.call('ZREM', ARGV[1] .. 'notifications:' .. state, note)
  redis.call('DEL', notification_key(note))
end

local id, created, doc, kept, note = unpack(ARGV, 2, 6)
local index, docs = ARGV[1] .. 'refused', ARGV[1] .. 'refused:docs'
if redis.call('ZADD', index, 'NX', created, id) == 0 then return 0 end
redis.call('HSET', docs, id, doc)
for _, old in ipairs(redis.call('ZRANGE', index, 0, -1 - tonumber(kept))) do
  redis.call('ZREM', index, old)
  redis.call('HDEL', docs, old)
  forget_told('msg_' .. old)
end
if note ~= '' then tell(cjson.decode(note), created) end
return 1
