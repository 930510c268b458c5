-- The docs of what is due by now, the longest due first; each is put off, so that nobody else takes it meanwhile.
-- ARGV: zset of due times, what comes before an id in the key of its hash, now, limit, lease in seconds
local ids = redis.call('ZRANGEBYSCORE', ARGV[1], '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
local docs = {}
for i, id in ipairs(ids) do
  redis.call('ZADD', ARGV[1], ARGV[3] + ARGV[5], id)
  docs[i] = redis.call('HGET', ARGV[2] .. id, 'doc')
end
return docs
