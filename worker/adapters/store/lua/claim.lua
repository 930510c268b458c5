-- The docs of what is due by now, longest due first. Each due time moves on, so that nobody else claims it meanwhile.
-- ARGV: prefix, zset of due times, start of the keys of the hashes, now, limit, lease in seconds
local prefix, due = ARGV[1], ARGV[1] .. ARGV[2]
local ids = redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[4], 'LIMIT', 0, ARGV[5])
local docs = {}
for i, id in ipairs(ids) do
  redis.call('ZADD', due, ARGV[4] + ARGV[6], id)
  docs[i] = redis.call('HGET', prefix .. ARGV[3] .. id, 'doc')
end
return docs
