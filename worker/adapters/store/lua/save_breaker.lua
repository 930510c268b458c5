-- Keep what was learnt of an account, unless somebody else learnt something meanwhile.
-- ARGV: prefix, account, health, what it was taken for
local stats = ARGV[1] .. 'account:' .. ARGV[2]
local known = redis.call('HGET', stats, 'health') or '{}'
if known ~= ARGV[4] then return 0 end
redis.call('HSET', stats, 'health', ARGV[3])
return 1
