-- For each pipeline the sum of its jobs' versions: every commit raises it. It reads no record.
--
-- ARGV: prefix, ids of pipelines
-- Returns a number for each.

local prefix = ARGV[1]

local function version(id)
  return tonumber(redis.call('HGET', prefix .. 'job:' .. id, 'v') or 0)
end

local found = {}
for i = 2, #ARGV do
  local sum = version(ARGV[i])
  for _, id in ipairs(redis.call('LRANGE', prefix .. 'pipeline:' .. ARGV[i], 0, -1)) do
    sum = sum + version(id)
  end
  found[#found + 1] = sum
end
return found
