-- The docs of jobs due by now, the longest due first; each is put off, so that nobody else takes it meanwhile.
-- ARGV: prefix, now, limit, lease in seconds
local due = ARGV[1] .. 'due'
local ids = redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
local docs = {}
for i, id in ipairs(ids) do
  redis.call('ZADD', due, ARGV[2] + ARGV[4], id)
  docs[i] = redis.call('HGET', ARGV[1] .. 'job:' .. id, 'doc')
end
return docs
