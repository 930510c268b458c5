-- Shared by the scripts that count the references to stored pictures. ARGV[1] is the prefix.
--
--   inputs                 hash  reference -> number of jobs that hold it
--   inputs:idle            zset  reference -> since when no job holds it, or when it was last submitted
--   tenant_inputs:<tenant> hash  like inputs, of the tenant's jobs only

local function of_tenant(tenant) return ARGV[1] .. 'tenant_inputs:' .. tenant end

local function hold_inputs(blobs, tenant)
  for blob in string.gmatch(blobs, '%S+') do
    redis.call('HINCRBY', ARGV[1] .. 'inputs', blob, 1)
    if tenant ~= '' then redis.call('HINCRBY', of_tenant(tenant), blob, 1) end
  end
end

-- Count one less; whether it was the last.
local function let_go(counts, blob)
  return redis.call('HINCRBY', counts, blob, -1) <= 0 and redis.call('HDEL', counts, blob) == 1
end

local function let_go_inputs(blobs, tenant, now)
  for blob in string.gmatch(blobs, '%S+') do
    if let_go(ARGV[1] .. 'inputs', blob) then redis.call('ZADD', ARGV[1] .. 'inputs:idle', now, blob) end
    if tenant ~= '' then let_go(of_tenant(tenant), blob) end
  end
end
