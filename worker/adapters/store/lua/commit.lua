-- Write a job and its new children, and update every index; all or nothing.
--
-- Keys, all below the prefix (on one node: Celery's Redis transport does not support a cluster either):
--   job:<id>                  hash  doc (JSON), v (version), place; money if any; open: of a root with descendants, how many
--                                   jobs of its pipeline are open; mark: of the last commit, where replicas count
--   jobs, jobs:<status>       zset  id -> created_at
--   double_payments           zset  id -> created_at; jobs that were paid for twice
--   *_jobs:*, listings        see listings.lua
--   tenant_batches:<tenant>   zset  id -> created_at; likewise tenant_notifications
--   due                       zset  id -> when the sweep must look at it
--   held_back:<account>       zset  id -> created_at; jobs that wait for another try because the account ('*': any) refused them
--   turns, batches:<turn>,    zset  see scheduling.lua
--   lanes:<turn>|<batch>
--   ready:<turn>|<lane>       zset  id -> created_at; they start as soon as an account has a slot
--   waiting                   hash  account ('*': any), with ':video' for films -> ready jobs
--   running:<account>         set   ids of jobs that hold a slot; running:<account>:video for films
--   guards:<account>          hash  concurrency_key -> id of the running job
--   heads                     hash  <account>|<concurrency_key> -> id of its only job in a lane
--   parked:<account>|<concurrency_key>  list  ids that wait for that job to start
--   tasks:<account>           hash  task id -> job id
--   history:<id>              list  what happened to the job (JSON), oldest first; see remember() below
--   pipeline:<id>             list  ids of the root's descendants, parents before children
--   batches                   zset  id -> created_at
--   batch:<id>                hash  doc (JSON), budget, bad; open: its open jobs; whole: its file was read completely;
--                                   notify, ends: see outbox.lua
--   batch:<id>:roots          list  ids, in the order of the file
--   batch:<id>:counts         hash  status -> count of its jobs
--   batch:<id>:errors         hash  error's code -> count of its jobs
--   batch:<id>:bad            list  invalid rows (JSON)
--   money:<scope>             hash  estimated, reserved, spent, refunded; scope: account:, tenant:,
--                                   batch:, day:
--   account:<account>         hash  callback, callback_with_state, told, asked, silent, sort:<sort>:
--                                   counts; ends: the last ten, t told and a asked; lag, deviation, parent_lag,
--                                   parent_deviation: seconds; took:<sort>, spread:<sort>: seconds from a POST to its
--                                   success, and their deviation; called_back_at; dialect; next_start: its pace;
--                                   health: its circuit breaker; trial: id of the job that tried it last, after a rest;
--                                   list_<field>: what its task list was like, see worker/domain/account/task_list.py;
--                                   came_back: a task was unknown for a while only; has:<settings>:<call>,
--                                   lacks:<settings>:<call>: since when; seedless: jobs in a row; ledger: what is known of
--                                   its own
--   accepted:<account>        zset  <posted_at>|<sort>|<task id> -> accepted_at; the newest 500
--   unbooked:<account>        zset  id of a job that is over -> when its charge is looked for in the provider's ledger
--   called:<account>          a wake-up for it is on its way; expires, because one may be lost
--   paused                    set   account:<name>, batch:<id>, kind:<name>
--   finished:<status>         zset  id of a root with this status -> when its pipeline's last job ended
--   notification*, outbox*    see outbox.lua
--   inputs*, tenant_inputs*   see inputs.lua
--   forgotten                 see forget.lua
--   metrics                   hash  counters and buckets, see worker/domain/metrics/counting.py
--   refused, refused:docs     see keep_refusal.lua
--   alerts                    see save_alerts.lua
--   doctor                    string: the last examination of a web process; expires
--   inbox:*                   see keep_callbacks.lua
--   api_tokens, api_secrets   see save_token.lua
--   audit                     stream  who changed what; the newest, see store/audit.py
--   token_requests:<name>, token_spent:<name>  counts of a minute and of a day; they expire
--   receiving:<way>           what proofs show of the way to us (JSON); expires when none is sent
--   trip:<id>                 hash  queue -> version of the worker that took its message from there; expires
--   workers                   hash  id -> a worker that runs (JSON); expires when none does
--
-- ARGV: prefix; the change as JSON, without fields that have no value; and the doc (JSON) of each of its jobs. The change:
--   account, slots            the account's name, and how many jobs it runs at once: {image, video}
--   now                       seconds since the epoch
--   capacity                  only if the first job starts (see worker/domain/account/capacity.py)
--   unbooked                  account -> when the first job's charge is looked for in its ledger
--   sample                    what the change says of the account (see worker/domain/account/callback_stats.py)
--   history                   entries of the first job's history (texts)
--   counts                    field of `metrics` -> what is added to it
--   accepted                  the job's new task, as a member of accepted:<account>
--   told, finished            notifications: of the change, and the one to send if this change ends its pipeline:
--                             {id, ordering_key, tenant, doc}
--   after                     the mark of the commit on which this one builds, if it has one
--   jobs                      {id, version, mark, due, held_back, place (text, see places.py), money (text), labels (of a
--                             new one)}: the first job changes, the others are its new children
-- Returns {'ok', jobs of the account that can start now, jobs that any account may start, 1 if nobody was called for the
-- former yet}, {'stale'} or {'full'}.

local change = cjson.decode(ARGV[2])
local account, now = change.account, change.now
local guards = prefix .. 'guards:' .. account
local freed, queued, anywhere = 0, 0, 0

-- A new member starts with the score of the one that is next.
local function join(zset, member, low, high)
  if redis.call('ZSCORE', zset, member) then return end
  local first = redis.call('ZRANGEBYSCORE', zset, low, high, 'WITHSCORES', 'LIMIT', 0, 1)
  redis.call('ZADD', zset, first[2] or low, member)
end

local function level(zset, member, number)
  local low = number * LEVEL
  join(zset, member, low, '(' .. string.format('%d', low + LEVEL))
end

local function line_up(id, place)
  level(turns, place.turn, tonumber(string.match(place.turn, '^%d+')))
  level(batches_of(place.turn), place.of.batch, 0)
  level(lanes_of(place.turn, place.of.batch), place.lane, place.of.rank)
  redis.call('ZADD', queue_of(place.turn, place.lane), place.created, id)
  redis.call('HINCRBY', prefix .. 'waiting', pool_of(place.of.account, place.of.kind), 1)
  if place.of.account == '*' then anywhere = anywhere + 1 else queued = queued + 1 end
end

local function guarded(place) return place.of.account .. '|' .. place.concurrency_key end

-- Of jobs with one concurrency key only the first enters its lane, so that no lane is blocked by its head.
local function enqueue(id, place)
  if place.concurrency_key ~= '' then
    local head = redis.call('HGET', prefix .. 'heads', guarded(place))
    if head and head ~= id then
      redis.call('RPUSH', prefix .. 'parked:' .. guarded(place), id)
      return
    end
    redis.call('HSET', prefix .. 'heads', guarded(place), id)
  end
  line_up(id, place)
end

local function dequeue(id, place)
  if redis.call('ZREM', queue_of(place.turn, place.lane), id) == 1 then
    redis.call('HINCRBY', prefix .. 'waiting', pool_of(place.of.account, place.of.kind), -1)
  end
  if place.concurrency_key == '' then return end
  local line = guarded(place)
  if redis.call('HGET', prefix .. 'heads', line) ~= id then
    redis.call('LREM', prefix .. 'parked:' .. line, 1, id)
    return
  end
  redis.call('HDEL', prefix .. 'heads', line)
  local heir = redis.call('LPOP', prefix .. 'parked:' .. line)
  if heir then enqueue(heir, stored_place(heir)) end
end

local function take_slot(id, place)
  redis.call('SADD', running_of(place.of.account, place.of.kind), id)
  -- A job that gave its place back gave its concurrency key away; evidence that it runs takes a slot all the same.
  if place.concurrency_key ~= '' then redis.call('HSETNX', prefix .. 'guards:' .. place.of.account, place.concurrency_key, id) end
end

local function give_slot(id, place)
  freed = freed + redis.call('SREM', running_of(place.of.account, place.of.kind), id)
  local held = prefix .. 'guards:' .. place.of.account
  if place.concurrency_key ~= '' and redis.call('HGET', held, place.concurrency_key) == id then redis.call('HDEL', held, place.concurrency_key) end
end

local function count(hash, status, by)
  if redis.call('HINCRBY', hash, status, by) == 0 then redis.call('HDEL', hash, status) end
end

-- Count a batch's jobs by status, and its failed ones by error code.
local function index_batch(id, old, place)
  local batch = prefix .. 'batch:' .. place.of.batch
  if old then
    count(batch .. ':counts', old.status, -1)
    if old.failure ~= '' then count(batch .. ':errors', old.failure, -1) end
  elseif place.pipeline == '' then
    redis.call('RPUSH', batch .. ':roots', id)
  end
  count(batch .. ':counts', place.status, 1)
  if place.failure ~= '' then count(batch .. ':errors', place.failure, 1) end
end

local function index(id, old, place)
  local status = old and old.status
  if status == place.status then return end
  if status then
    redis.call('ZREM', prefix .. 'jobs:' .. status, id)
  else
    redis.call('ZADD', prefix .. 'jobs', place.created, id)
    if place.pipeline ~= '' then redis.call('RPUSH', prefix .. 'pipeline:' .. place.pipeline, id) end
  end
  redis.call('ZADD', prefix .. 'jobs:' .. place.status, place.created, id)
  if place.of.batch ~= '' then index_batch(id, old, place) end
end

local function move(id, old, place)
  index(id, old, place)
  local same = old and old.turn == place.turn and old.lane == place.lane
  if place.task ~= '' then redis.call('HSET', prefix .. 'tasks:' .. place.of.account, place.task, id) end
  if old and old.ready and not (place.ready and same) then dequeue(id, old) end
  local function slots_of(one) return running_of(one.of.account, one.of.kind) end
  -- A press turns out to make a film once its button was looked up.
  if old and old.holds and not (place.holds and slots_of(old) == slots_of(place)) then give_slot(id, old) end
  if place.holds then take_slot(id, place) end
  if place.ready and not (old and old.ready and same) then enqueue(id, place) end
  if place.double then redis.call('ZADD', prefix .. 'double_payments', place.created, id) end
end

local function bill(money, place, sign)
  if not money then return end
  for _, entry in ipairs(cjson.decode(money)) do
    local paid_by, day, field, amount = unpack(entry)
    local scopes = {'day:' .. day}
    if paid_by ~= '' then table.insert(scopes, 'account:' .. paid_by) end
    if place.of.batch ~= '' then table.insert(scopes, 'batch:' .. place.of.batch) end
    local tenant = tenant_of(place.turn)
    if tenant ~= '' then table.insert(scopes, 'tenant:' .. tenant) end
    for _, scope in ipairs(scopes) do redis.call('HINCRBY', prefix .. 'money:' .. scope, field, sign * amount) end
  end
end

local function hold_back(job, old, place)
  local function of(account) return prefix .. 'held_back:' .. account end
  if old and old.status == 'queued' and not old.ready then redis.call('ZREM', of(old.of.account), job.id) end
  if job.held_back then redis.call('ZADD', of(place.of.account), place.created, job.id) end
end

-- Write one job of the change; `old` and `old_money` are its stored place and money. Returns its new place.
local function write(job, doc, old, old_money)
  local id = job.id
  if job.due then redis.call('ZADD', prefix .. 'due', job.due, id) else redis.call('ZREM', prefix .. 'due', id) end
  redis.call('HSET', job_key(id), 'doc', doc, 'v', job.version)
  if job.mark then redis.call('HSET', job_key(id), 'mark', job.mark) end
  local place = old and old.text == job.place and old or read_place(job.place)
  hold_back(job, old, place)
  if place == old and old_money == job.money then return old end -- most commits are about progress only
  redis.call('HSET', job_key(id), 'place', job.place)
  if old_money ~= job.money then
    bill(old_money, old or place, -1)
    bill(job.money, place, 1)
    if job.money then redis.call('HSET', job_key(id), 'money', job.money) else redis.call('HDEL', job_key(id), 'money') end
  end
  if not old or old.blobs ~= place.blobs then
    hold_inputs(place.blobs, tenant_of(place.turn))
    if old then let_go_inputs(old.blobs, tenant_of(old.turn), now) end
  end
  move(id, old, place)
  if old then relist_job(id, old, place) else list_job(id, place, job.labels) end
  return place
end

local function opened(old, place) return (place.open and 1 or 0) - (old and old.open and 1 or 0) end

local ENDS = {'succeeded', 'failed', 'cancelled', 'timed_out'}

-- Jobs were opened or settled: at zero the pipeline is finished, and perhaps its batch, until a job opens again.
local function count_open(root, batch, before, by)
  if before == 0 then
    for _, status in ipairs(ENDS) do redis.call('ZREM', prefix .. 'finished:' .. status, root) end
  end
  local of_root = stored_place(root)
  if before + by == 0 and of_root then
    redis.call('ZADD', prefix .. 'finished:' .. of_root.status, now, root)
    if change.finished then tell(change.finished, now) end
  end
  if batch ~= '' and redis.call('HINCRBY', prefix .. 'batch:' .. batch, 'open', by) == 0 then end_batch(batch, now) end
end

-- How many jobs of the pipeline are open, as stored, and whether there is a count: a root alone has none.
local function open_before(root, id, old)
  local stored = redis.call('HGET', job_key(root), 'open')
  if stored then return tonumber(stored), true end
  local of_root = root == id and old or stored_place(root)
  return of_root and of_root.open and 1 or 0, false
end

-- What a job takes from the budgets: reserved and spent, less what was refunded.
local function committed(money)
  local sum = 0
  if money then
    for _, entry in ipairs(cjson.decode(money)) do
      local field, amount = entry[3], entry[4]
      if field == 'reserved' or field == 'spent' then sum = sum + amount end
      if field == 'refunded' then sum = sum - amount end
    end
  end
  return sum
end

-- Whether the first job may start: checked here again, because several workers may have picked it.
local function may_start(job, place, old, old_money)
  local capacity = change.capacity
  local price = committed(job.money) - committed(old_money)
  if why_not(capacity, old.turn, old.lane, price) then return false end
  local holder = place.concurrency_key ~= '' and redis.call('HGET', guards, place.concurrency_key)
  if holder and holder ~= job.id then return false end
  if paced_until(capacity) > now then return false end
  if capacity.trial ~= cjson.null then
    -- Another worker's trial may have failed since the breaker was read: then there is a new rest.
    local health = cjson.decode(redis.call('HGET', prefix .. 'account:' .. account, 'health') or '{}')
    if (health.rested_at or health.closed_at or 0) ~= capacity.trial then return false end
    redis.call('HSET', prefix .. 'account:' .. account, 'trial', job.id)
  end
  if capacity.interval ~= cjson.null then
    local stats = prefix .. 'account:' .. account
    local due = math.max(now, tonumber(redis.call('HGET', stats, 'next_start') or 0))
    redis.call('HSET', stats, 'next_start', string.format('%.3f', due + capacity.interval))
  end
  redis.call('ZADD', turns, 'XX', 'INCR', 1, old.turn)
  redis.call('ZADD', batches_of(old.turn), 'XX', 'INCR', 1, old.of.batch)
  redis.call('ZADD', lanes_of(old.turn, old.of.batch), 'XX', 'INCR', 1, old.lane)
  return true
end

-- A mean of seconds and its deviation, computed like TCP's round-trip time.
local function learn_mean(stats, mean_field, deviation_field, seconds)
  local mean, deviation = unpack(redis.call('HMGET', stats, mean_field, deviation_field))
  mean, deviation = tonumber(mean or seconds), tonumber(deviation or seconds / 2)
  deviation = deviation + (math.abs(seconds - mean) - deviation) / 4
  redis.call('HSET', stats, mean_field, string.format('%.3f', mean + (seconds - mean) / 8),
    deviation_field, string.format('%.3f', deviation))
end

-- The last ten ends, oldest first: what was true long ago is forgotten.
local function remember_end(stats, how)
  local ends = (redis.call('HGET', stats, 'ends') or '') .. how
  redis.call('HSET', stats, 'ends', string.sub(ends, -10))
end

local function learn(said)
  local stats = prefix .. 'account:' .. account
  if said.took_s ~= cjson.null then learn_mean(stats, 'took:' .. said.sort, 'spread:' .. said.sort, said.took_s) end
  if said.how == 'asked' then
    remember_end(stats, 'a')
    redis.call('HINCRBY', stats, 'silent', 1)
    redis.call('HINCRBY', stats, 'asked', 1)
    return
  end
  redis.call('HINCRBY', stats, said.how, 1)
  redis.call('HINCRBY', stats, 'sort:' .. said.sort, 1)
  if said.ended then
    redis.call('HINCRBY', stats, 'told', 1)
    remember_end(stats, 't')
  end
  redis.call('HSET', stats, 'called_back_at', string.format('%.3f', said.at))
  redis.call('HDEL', stats, 'silent')
  if said.lag_s ~= cjson.null then learn_mean(stats, 'lag', 'deviation', said.lag_s) end
end

local MOST_ACCEPTED = 500

local function remember_accepted(task)
  local key = prefix .. 'accepted:' .. account
  redis.call('ZADD', key, now, task)
  redis.call('ZREMRANGEBYRANK', key, 0, -MOST_ACCEPTED - 1)
end

-- Of a long history the first entries and the newest are kept; a number between them says how many are left out.
local MOST_HISTORY, FIRST_HISTORY = 100, 40

local function remember(id, entries)
  local key = prefix .. 'history:' .. id
  local length = redis.call('RPUSH', key, unpack(entries))
  while length > MOST_HISTORY do
    local left_out = tonumber(redis.call('LINDEX', key, FIRST_HISTORY))
    if left_out and length == MOST_HISTORY + 1 then return end
    redis.call('LSET', key, FIRST_HISTORY, (left_out or 0) + 1)
    if left_out then
      redis.call('LSET', key, FIRST_HISTORY + 1, '')
      length = length - redis.call('LREM', key, 1, '')
    end
  end
end

local job = change.jobs[1]
local id, new = job.id, read_place(job.place)
local stored, text, old_money, mark = unpack(redis.call('HMGET', job_key(id), 'v', 'place', 'money', 'mark'))
if tonumber(stored or 0) ~= job.version - 1 then return {'stale'} end
-- Read from a primary that has lost its place, where the same version is another commit's.
if change.after and mark ~= change.after then return {'stale'} end
local old = read_place(text)
if old and old.format ~= FORMAT then job.place = without_format(job.place) end
old_money = old_money or nil
local root = new.pipeline == '' and id or new.pipeline
-- Retention may remove a pipeline while a caller presses one of its buttons.
if not old and root ~= id and redis.call('EXISTS', job_key(root)) == 0 then return {'stale'} end
if change.capacity and not (old and old.holds) and not may_start(job, new, old or new, old_money) then return {'full'} end

local before, counted = open_before(root, id, old)
local written = write(job, ARGV[3], old, old_money)
local by, children = opened(old, written), 0
for n = 2, #change.jobs do
  local child = change.jobs[n]
  if redis.call('EXISTS', job_key(child.id)) == 0 then
    by, children = by + opened(nil, write(child, ARGV[n + 2])), children + 1
  end
end
for _, note in ipairs(change.told) do tell(note, now) end
if counted and by ~= 0 or children > 0 or root ~= id and not old then
  redis.call('HSET', job_key(root), 'open', before + by)
end
if by ~= 0 then count_open(root, written.of.batch, before, by) end
if change.history then remember(id, change.history) end
for field, by in pairs(change.counts or {}) do redis.call('HINCRBY', prefix .. 'metrics', field, by) end
if change.sample then learn(change.sample) end
if change.accepted then remember_accepted(change.accepted) end
for name, at in pairs(change.unbooked or {}) do redis.call('ZADD', prefix .. 'unbooked:' .. name, at, id) end

if freed + queued == 0 then return {'ok', 0, anywhere, 0} end
local own = 0
for pool, most in pairs(change.slots) do
  local mine, any = unpack(redis.call('HMGET', prefix .. 'waiting', pool_of(account, pool), pool_of('*', pool)))
  local free = math.max(0, most - redis.call('SCARD', running_of(account, pool)))
  own = own + math.min(free, tonumber(mine or 0) + tonumber(any or 0))
end
own = math.min(freed + queued, own)
return {'ok', own, anywhere, own > 0 and call(account) or 0}
