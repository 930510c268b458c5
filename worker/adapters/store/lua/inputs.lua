-- Shared by the scripts that count the references to stored pictures. ARGV[1] is the prefix.
--
--   inputs                 hash  reference -> number of jobs that hold it
--   inputs:idle            zset  reference -> since when no job holds it, or when it was last submitted

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
