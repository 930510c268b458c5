-- What the scripts share that count which stored pictures are needed. ARGV[1] is the prefix.
--
--   inputs                 hash  reference -> how many jobs hold it
--   inputs:idle            zset  reference -> since when no job does, or when it was handed in last

local function hold_inputs(blobs)
  for blob in string.gmatch(blobs, '%S+') do redis.call('HINCRBY', ARGV[1] .. 'inputs', blob, 1) end
end

local function let_go_inputs(blobs, now)
  for blob in string.gmatch(blobs, '%S+') do
    if redis.call('HINCRBY', ARGV[1] .. 'inputs', blob, -1) <= 0 then
      redis.call('HDEL', ARGV[1] .. 'inputs', blob)
      redis.call('ZADD', ARGV[1] .. 'inputs:idle', now, blob)
    end
  end
end
