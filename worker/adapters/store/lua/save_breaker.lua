-- Replace an account's circuit breaker, unless another process changed it meanwhile.
-- ARGV: prefix, account, new breaker, known breaker
local stats = ARGV[1] .. 'account:' .. ARGV[2]
local known = redis.call('HGET', stats, 'health') or '{}'
if known ~= ARGV[4] then return 0 end
redis.call('HSET', stats, 'health', ARGV[3])
return 1
