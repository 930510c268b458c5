-- Replace what is known of a way to us, unless another process changed it meanwhile.
-- ARGV: prefix, receiving:<way>, new document, known one ('': none), milliseconds until it expires
local key = ARGV[1] .. ARGV[2]
if (redis.call('GET', key) or '') ~= ARGV[4] then return 0 end
redis.call('SET', key, ARGV[3], 'PX', ARGV[5])
return 1
