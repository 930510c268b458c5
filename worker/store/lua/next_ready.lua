-- The doc of the job to start next, or nil where there is none or no slot for it. Takes nothing.
-- ARGV: prefix, account, max_running
local running = redis.call('SCARD', ARGV[1] .. 'running:' .. ARGV[2])
if running >= tonumber(ARGV[3]) then return false end
local head = redis.call('ZRANGE', ARGV[1] .. 'ready:' .. ARGV[2], 0, 0)
if not head[1] then return false end
return redis.call('HGET', ARGV[1] .. 'job:' .. head[1], 'doc')
