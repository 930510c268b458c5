-- Remove a pipeline that was finished before a moment, unless it changed since it was read. Returns 1 if removed.
-- ARGV: prefix, and as JSON: now, before (the moment), jobs: {id, version, tasks: {account, task id}, labels}, the root
-- first.
-- The counts of what was removed stay in `forgotten`: hash, status or double:<account> -> jobs.
local asked = cjson.decode(ARGV[2])
local root = asked.jobs[1].id

local places = {}
for _, job in ipairs(asked.jobs) do
  local version, text = unpack(redis.call('HMGET', job_key(job.id), 'v', 'place'))
  local place = read_place(text)
  -- Evidence may still come of a cancelled job that the provider runs.
  if not place or tonumber(version) ~= job.version or place.holds then return 0 end
  places[job.id] = place
end
local finished = prefix .. 'finished:' .. places[root].status
local ended = redis.call('ZSCORE', finished, root)
if not ended or tonumber(ended) > asked.before then return 0 end
if redis.call('LLEN', prefix .. 'pipeline:' .. root) ~= #asked.jobs - 1 then return 0 end

local function forget(job)
  local id, place = job.id, places[job.id]
  redis.call('ZREM', prefix .. 'jobs', id)
  redis.call('ZREM', prefix .. 'jobs:' .. place.status, id)
  unlist_job(id, place, job.labels)
  redis.call('ZREM', prefix .. 'due', id)
  redis.call('HINCRBY', prefix .. 'forgotten', place.status, 1)
  if place.double then
    redis.call('ZREM', prefix .. 'double_payments', id)
    redis.call('HINCRBY', prefix .. 'forgotten', 'double:' .. place.of.account, 1)
  end
  for _, task in ipairs(job.tasks) do
    local of_account = prefix .. 'tasks:' .. task[1]
    if redis.call('HGET', of_account, task[2]) == id then redis.call('HDEL', of_account, task[2]) end
  end
  let_go_inputs(place.blobs, tenant_of(place.turn), asked.now)
  redis.call('DEL', job_key(id), prefix .. 'history:' .. id)
end

-- A batch goes with the last of its jobs.
local function forget_batch(id, jobs)
  local batch = prefix .. 'batch:' .. id
  local gone, left = redis.call('HINCRBY', batch, 'gone', jobs), 0
  for _, count in ipairs(redis.call('HVALS', batch .. ':counts')) do left = left + tonumber(count) end
  if gone < left then return end
  local tenant = cjson.decode(redis.call('HGET', batch, 'doc') or '{}').tenant
  if tenant then redis.call('ZREM', prefix .. 'tenant_batches:' .. tenant, id) end
  redis.call('DEL', batch, batch .. ':roots', batch .. ':counts', batch .. ':errors', batch .. ':bad', prefix .. 'money:batch:' .. id)
  redis.call('ZREM', prefix .. 'batches', id)
  redis.call('SREM', prefix .. 'paused', 'batch:' .. id)
end

for _, job in ipairs(asked.jobs) do forget(job) end
redis.call('DEL', prefix .. 'pipeline:' .. root)
redis.call('ZREM', finished, root)
local batch = places[root].of.batch
if batch ~= '' then forget_batch(batch, #asked.jobs) end
return 1
