-- Replace what is known of the way to us, unless another process changed it meanwhile.
-- ARGV: prefix, way, new document, known document ('': none), milliseconds after which it expires
local key = ARGV[1] .. 'receiving:' .. ARGV[2]
if (redis.call('GET', key) or '') ~= ARGV[4] then return 0 end
redis.call('SET', key, ARGV[3], 'PX', ARGV[5])
return 1
