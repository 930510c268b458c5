-- The docs of the jobs to start next on an account, in order. Does not take them; removes empty lanes.
-- ARGV: prefix, capacity (JSON, see worker/domain/account/capacity.py), now, how many at most

local capacity, now, most = cjson.decode(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local guards = prefix .. 'guards:' .. capacity.account
local docs, chosen, guarded = {}, {}, {}
local served, pools = {}, {image = 0, video = 0} -- by what is chosen here: members of each zset, and slots

local slots_before = free_slots
free_slots = function(capacity, kind) return slots_before(capacity, kind) - pools[is_film(kind) and 'video' or 'image'] end

-- The members of a zset by score, where each job that is chosen here counts as a start.
local function ordered(zset)
  if not served[zset] then return redis.call('ZRANGE', zset, 0, -1) end
  local found, scores, members = redis.call('ZRANGE', zset, 0, -1, 'WITHSCORES'), {}, {}
  for n = 1, #found, 2 do
    table.insert(members, found[n])
    scores[found[n]] = tonumber(found[n + 1]) + (served[zset][found[n]] or 0)
  end
  table.sort(members, function(one, other)
    if scores[one] ~= scores[other] then return scores[one] < scores[other] end
    return one < other
  end)
  return members
end

local function serve(zset, member)
  served[zset] = served[zset] or {}
  served[zset][member] = (served[zset][member] or 0) + 1
end

local PAGE = 50

-- A lane has at most one job per concurrency key, so running jobs block no more of its head than there are guards.
local function first_startable(queue)
  local from = 0
  while true do
    local ids = redis.call('ZRANGE', queue, from, from + PAGE - 1)
    for _, id in ipairs(ids) do
      if not chosen[id] then
        local doc, place = unpack(redis.call('HMGET', job_key(id), 'doc', 'place'))
        local key = place and read_place(place).concurrency_key or ''
        if key == '' then return id, doc end
        if not guarded[key] and redis.call('HEXISTS', guards, key) == 0 then return id, doc, key end
      end
    end
    if #ids < PAGE then return nil, nil, nil, from + #ids == 0 end
    from = from + PAGE
  end
end

local function choose_of_batch(turn, batch)
  local lanes = ordered(lanes_of(turn, batch))
  for _, lane in ipairs(lanes) do
    if not why_not(capacity, turn, lane) then
      local id, doc, key, empty = first_startable(queue_of(turn, lane))
      if id then
        chosen[id] = true
        if key then guarded[key] = true end
        table.insert(docs, doc)
        local pool = is_film(read_lane(lane).kind) and 'video' or 'image'
        pools[pool] = pools[pool] + 1
        serve(turns, turn)
        serve(batches_of(turn), batch)
        serve(lanes_of(turn, batch), lane)
        return true
      end
      if empty then redis.call('ZREM', lanes_of(turn, batch), lane) end
    end
  end
  if #lanes == 0 then redis.call('ZREM', batches_of(turn), batch) end
  return false
end

local function choose_of(turn)
  local batches = ordered(batches_of(turn))
  for _, batch in ipairs(batches) do
    if choose_of_batch(turn, batch) then return true end
  end
  if #batches == 0 then redis.call('ZREM', turns, turn) end
  return false
end

local function choose()
  if free_slots(capacity, 'image') <= 0 and free_slots(capacity, 'video') <= 0 then return false end
  for _, turn in ipairs(ordered(turns)) do
    if choose_of(turn) then return true end
  end
  return false
end

redis.call('DEL', called(capacity.account))
if paced_until(capacity) > now then return {} end
while #docs < most and choose() do end
return docs
