-- Keep a refused request, and forget the oldest beyond a number. Returns 1 if it is new.
-- ARGV: prefix, id, created_at, doc, how many are kept, its notification as JSON: {id, ordering_key, doc} ('': none)
--
--   refused       zset  id -> created_at
--   refused:docs  hash  id -> doc (JSON)
local id, created, doc, kept, note = unpack(ARGV, 2, 6)
local index, docs = ARGV[1] .. 'refused', ARGV[1] .. 'refused:docs'
if redis.call('ZADD', index, 'NX', created, id) == 0 then return 0 end
redis.call('HSET', docs, id, doc)
for _, old in ipairs(redis.call('ZRANGE', index, 0, -1 - tonumber(kept))) do
  redis.call('ZREM', index, old)
  redis.call('HDEL', docs, old)
end
if note ~= '' then tell(cjson.decode(note), created) end
return 1
