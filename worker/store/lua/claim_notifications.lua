-- The docs of notifications to be tried by now; each is put off, so that nobody else sends it meanwhile.
-- ARGV: prefix, now, limit, lease in seconds
local outbox = ARGV[1] .. 'outbox'
local ids = redis.call('ZRANGEBYSCORE', outbox, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
local docs = {}
for i, id in ipairs(ids) do
  redis.call('ZADD', outbox, ARGV[2] + ARGV[4], id)
  docs[i] = redis.call('HGET', ARGV[1] .. 'notification:' .. id, 'doc')
end
return docs
