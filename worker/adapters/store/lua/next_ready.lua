-- The doc of the job to start next on an account, or nil. Does not take it; removes empty lanes.
-- ARGV: prefix, capacity (JSON, see worker/domain/account/capacity.py), now

local capacity, now = cjson.decode(ARGV[2]), tonumber(ARGV[3])
local guards = prefix .. 'guards:' .. capacity.account

-- A lane has at most one job per concurrency key, so running jobs block no more of its head than there are guards.
local function first_startable(queue)
  local ids = redis.call('ZRANGE', queue, 0, redis.call('HLEN', guards))
  for _, id in ipairs(ids) do
    local doc, concurrency_key = unpack(redis.call('HMGET', job_key(id), 'doc', 'guard'))
    if not concurrency_key or redis.call('HEXISTS', guards, concurrency_key) == 0 then return doc end
  end
  return nil, #ids == 0
end

local function first_of_batch(turn, batch)
  local lanes = redis.call('ZRANGE', lanes_of(turn, batch), 0, -1)
  for _, lane in ipairs(lanes) do
    if not why_not(capacity, turn, lane) then
      local doc, empty = first_startable(queue_of(turn, lane))
      if doc then return doc end
      if empty then redis.call('ZREM', lanes_of(turn, batch), lane) end
    end
  end
  if #lanes == 0 then redis.call('ZREM', batches_of(turn), batch) end
end

local function first_of(turn)
  local batches = redis.call('ZRANGE', batches_of(turn), 0, -1)
  for _, batch in ipairs(batches) do
    local doc = first_of_batch(turn, batch)
    if doc then return doc end
  end
  if #batches == 0 then redis.call('ZREM', turns, turn) end
end

if paced_until(capacity) > now then return false end
if free_slots(capacity, 'image') <= 0 and free_slots(capacity, 'video') <= 0 then return false end
for _, turn in ipairs(redis.call('ZRANGE', turns, 0, -1)) do
  local doc = first_of(turn)
  if doc then return doc end
end
return false
