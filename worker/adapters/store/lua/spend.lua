-- Add to a count that expires, unless it would exceed its limit. Returns 1 if it was added.
-- ARGV: prefix, key below it, amount, limit, seconds
local key, amount, limit = ARGV[1] .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if tonumber(redis.call('GET', key) or 0) + amount > limit then return 0 end
redis.call('INCRBY', key, ARGV[3])
redis.call('EXPIRE', key, ARGV[5])
return 1
