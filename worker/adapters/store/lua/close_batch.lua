-- Mark a batch's file as read completely. ARGV: prefix, batch, now
redis.call('HSET', ARGV[1] .. 'batch:' .. ARGV[2], 'whole', 1)
end_batch(ARGV[2], ARGV[3])
