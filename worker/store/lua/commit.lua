-- Write a job, its new children, and the place of each in every index; all or nothing.
--
-- Keys, all below the prefix (one node: Celery's Redis transport knows no cluster either):
--   job:<id>                  hash  doc (JSON), v (version), status, score, guard, place
--   jobs, jobs:<status>       zset  id -> created_at
--   double_payments           zset  id -> created_at; those that were paid for twice
--   due                       zset  id -> due_at
--   ready:<account>           zset  id -> score; startable as soon as there is a slot
--   running:<account>         set   ids that hold a slot
--   guards:<account>          hash  guard -> id of the only job that may be ready or running with it
--   parked:<account>:<guard>  list  ids that wait for that guard
--   tasks:<account>           hash  task id -> job id
--   pipeline:<id>             hash  status -> count
--   pipeline:<id>:jobs        list  ids, parents before children
--   account:<account>         hash  callback, callback_with_state, told, asked, silent, sort:<sort>:
--                                   counts; lag, deviation: seconds; called_back_at; dialect
--   receiving                 since when our receiver is there; expires when it is not
--
-- ARGV: prefix, account, max_running, news ('' or JSON, see worker/habits.py),
--       then for each job: place and identity as JSON, doc. The first job is the one that changes.
-- Returns {'ok', number of jobs that became startable}, {'stale'} or {'full'}.

local prefix, account, max_running, news = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local ready, running = prefix .. 'ready:' .. account, prefix .. 'running:' .. account
local guards = prefix .. 'guards:' .. account
local openings = 0

local function key(id) return prefix .. 'job:' .. id end
local function parked(guard) return prefix .. 'parked:' .. account .. ':' .. guard end

local function make_ready(id, score)
  openings = openings + redis.call('ZADD', ready, score, id)
end

-- A guard is taken when a job becomes ready, so that every job in the ready queue may really start.
local function enqueue(id, score, guard)
  if guard ~= '' then
    local holder = redis.call('HGET', guards, guard)
    if holder and holder ~= id then
      if not redis.call('LPOS', parked(guard), id) then redis.call('RPUSH', parked(guard), id) end
      return
    end
    redis.call('HSET', guards, guard, id)
  end
  make_ready(id, score)
end

local function release(id, guard)
  if guard == '' then return end
  if redis.call('HGET', guards, guard) ~= id then
    redis.call('LREM', parked(guard), 0, id)
    return
  end
  redis.call('HDEL', guards, guard)
  local heir = redis.call('LPOP', parked(guard))
  if heir then
    redis.call('HSET', guards, guard, heir)
    make_ready(heir, redis.call('HGET', key(heir), 'score'))
  end
end

local function index(job, old_status)
  if old_status == job.status then return end
  local pipeline = prefix .. 'pipeline:' .. job.pipeline
  if old_status then
    redis.call('ZREM', prefix .. 'jobs:' .. old_status, job.id)
    if redis.call('HINCRBY', pipeline, old_status, -1) == 0 then redis.call('HDEL', pipeline, old_status) end
  else
    redis.call('ZADD', prefix .. 'jobs', job.created_at, job.id)
    redis.call('RPUSH', pipeline .. ':jobs', job.id)
  end
  redis.call('ZADD', prefix .. 'jobs:' .. job.status, job.created_at, job.id)
  redis.call('HINCRBY', pipeline, job.status, 1)
end

local function place_of(job)
  return table.concat({job.status, job.task, job.score, tostring(job.ready), tostring(job.holds_slot),
    tostring(job.over), tostring(job.double)}, '|')
end

local function move(job, old_status)
  index(job, old_status)
  if job.task ~= '' then redis.call('HSET', prefix .. 'tasks:' .. account, job.task, job.id) end
  if job.ready then enqueue(job.id, job.score, job.guard) else redis.call('ZREM', ready, job.id) end
  if job.holds_slot then
    redis.call('SADD', running, job.id)
    -- One that was held in doubt gave its guard away, and runs all the same.
    if job.guard ~= '' then redis.call('HSETNX', guards, job.guard, job.id) end
  else
    openings = openings + redis.call('SREM', running, job.id)
  end
  if job.over then release(job.id, job.guard) end
  if job.double then redis.call('ZADD', prefix .. 'double_payments', job.created_at, job.id) end
end

local function write(job, doc, old_status, old_place)
  if job.due == '' then
    redis.call('ZREM', prefix .. 'due', job.id)
  else
    redis.call('ZADD', prefix .. 'due', job.due, job.id)
  end
  local place = place_of(job)
  if place == old_place then -- most commits only tell of progress: nothing else moves
    redis.call('HSET', key(job.id), 'doc', doc, 'v', job.version)
    return
  end
  redis.call('HSET', key(job.id), 'doc', doc, 'v', job.version, 'status', job.status,
    'score', job.score, 'guard', job.guard, 'place', place)
  move(job, old_status)
end

-- The mean time between two news about one job, and its deviation, as TCP keeps its round trips.
local function learn_lag(stats, seconds)
  local mean, deviation = unpack(redis.call('HMGET', stats, 'lag', 'deviation'))
  mean, deviation = tonumber(mean or seconds), tonumber(deviation or seconds / 2)
  deviation = deviation + (math.abs(seconds - mean) - deviation) / 4
  redis.call('HSET', stats, 'lag', string.format('%.3f', mean + (seconds - mean) / 8),
    'deviation', string.format('%.3f', deviation))
end

local function note(said)
  local stats = prefix .. 'account:' .. account
  if said.how == 'asked' then
    redis.call('HINCRBY', stats, 'silent', 1)
    redis.call('HINCRBY', stats, 'asked', 1)
    return
  end
  redis.call('HINCRBY', stats, said.how, 1)
  redis.call('HINCRBY', stats, 'sort:' .. said.sort, 1)
  if said.ended then redis.call('HINCRBY', stats, 'told', 1) end
  redis.call('HSET', stats, 'called_back_at', string.format('%.3f', said.at))
  redis.call('HDEL', stats, 'silent')
  if said.lag_s ~= cjson.null then learn_lag(stats, said.lag_s) end
end

local first = cjson.decode(ARGV[5])
local version, status, place = unpack(redis.call('HMGET', key(first.id), 'v', 'status', 'place'))
if tonumber(version or 0) ~= first.version - 1 then return {'stale'} end
if first.starts and redis.call('SISMEMBER', running, first.id) == 0
    and redis.call('SCARD', running) >= max_running then
  return {'full'}
end

write(first, ARGV[6], status, place)
for i = 7, #ARGV, 2 do
  local child = cjson.decode(ARGV[i])
  if redis.call('EXISTS', key(child.id)) == 0 then write(child, ARGV[i + 1]) end
end
if news ~= '' then note(cjson.decode(news)) end

if openings == 0 then return {'ok', 0} end
local free = math.max(0, max_running - redis.call('SCARD', running))
return {'ok', math.min(openings, free, redis.call('ZCARD', ready))}
