-- Remove a pipeline that was finished before a moment, unless it changed since it was read. Returns 1 if removed.
-- ARGV: prefix, now, moment, then for each of its jobs, the root first: id, version, its tasks (JSON: account,
--       task id, ...). The counts of what was removed stay in `forgotten`: hash, status or double:<account> -> jobs.
local prefix, now, moment = ARGV[1], ARGV[2], tonumber(ARGV[3])
local root = ARGV[4]

local function key(id) return prefix .. 'job:' .. id end

local places = {}
for at = 4, #ARGV, 3 do
  local version, text = unpack(redis.call('HMGET', key(ARGV[at]), 'v', 'place'))
  local place = text and cjson.decode(text)
  -- Evidence may still come of a cancelled job that the provider runs.
  if not place or version ~= ARGV[at + 1] or place[9] then return 0 end
  places[ARGV[at]] = place
end
local finished = prefix .. 'finished:' .. places[root][1]
local ended = redis.call('ZSCORE', finished, root)
if not ended or tonumber(ended) > moment then return 0 end
if redis.call('LLEN', prefix .. 'pipeline:' .. root) ~= (#ARGV - 3) / 3 - 1 then return 0 end

local function forget(id, tasks)
  local status, _, _, _, _, _, lane, _, _, double, _, _, blobs = unpack(places[id])
  local account = string.match(lane, '^%d|([^|]*)')
  redis.call('ZREM', prefix .. 'jobs', id)
  redis.call('ZREM', prefix .. 'jobs:' .. status, id)
  redis.call('ZREM', prefix .. 'due', id)
  redis.call('HINCRBY', prefix .. 'forgotten', status, 1)
  if double then
    redis.call('ZREM', prefix .. 'double_payments', id)
    redis.call('HINCRBY', prefix .. 'forgotten', 'double:' .. account, 1)
  end
  for i = 1, #tasks, 2 do
    local of_account = prefix .. 'tasks:' .. tasks[i]
    if redis.call('HGET', of_account, tasks[i + 1]) == id then redis.call('HDEL', of_account, tasks[i + 1]) end
  end
  let_go_inputs(blobs or '', now)
  redis.call('DEL', key(id))
end

-- A batch goes with the last of its jobs.
local function forget_batch(id, jobs)
  local batch = prefix .. 'batch:' .. id
  local gone, left = redis.call('HINCRBY', batch, 'gone', jobs), 0
  for _, count in ipairs(redis.call('HVALS', batch .. ':counts')) do left = left + tonumber(count) end
  if gone < left then return end
  redis.call('DEL', batch, batch .. ':roots', batch .. ':counts', batch .. ':errors', batch .. ':bad', prefix .. 'money:batch:' .. id)
  redis.call('ZREM', prefix .. 'batches', id)
  redis.call('SREM', prefix .. 'paused', 'batch:' .. id)
end

for at = 4, #ARGV, 3 do forget(ARGV[at], cjson.decode(ARGV[at + 2])) end
redis.call('DEL', prefix .. 'pipeline:' .. root)
redis.call('ZREM', finished, root)
local batch = string.match(places[root][7], '([^|]*)$')
if batch ~= '' then forget_batch(batch, (#ARGV - 3) / 3) end
return 1
