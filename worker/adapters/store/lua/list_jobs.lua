-- The docs of jobs, newest first, through the smallest index that has them all.
-- ARGV: prefix, and as JSON:
--   wanted       {status, kind, account, batch, tenant, double_payments, roots, labels}, without those that do not matter
--   alone        whether only indexes of that tenant are used: nothing that others have may show in a cursor
--   text         what the doc must have in it, with A-Z in lower case; absent: anything
--   top, after   score (text) and id of the last entry that the page before looked at; absent: from the newest on
--   limit, most  how many docs are returned, and how many entries are looked at
-- Returns the score and id of the last entry looked at, or '' and '' if there are no more; and the docs.

local asked = cjson.decode(ARGV[2])
local wanted, labels = asked.wanted, asked.wanted.labels or {}
local PAGE = 100

local function candidates()
  local found = {asked.alone and 'tenant_jobs:' .. wanted.tenant or 'jobs'}
  local function add(family, name) if name then table.insert(found, family .. ':' .. name) end end
  for _, label in ipairs(labels) do add('label_jobs', label) end
  if asked.alone then return found end
  add('jobs', wanted.status)
  add('tenant_jobs', wanted.tenant)
  if wanted.double_payments then table.insert(found, 'double_payments') end
  -- Until all older jobs are in these, they would hide some.
  if redis.call('GET', prefix .. 'listings') == 'complete' then
    add('kind_jobs', wanted.kind)
    add('account_jobs', wanted.account)
    add('batch_jobs', wanted.batch)
  end
  return found
end

local function smallest()
  local best, size
  for _, name in ipairs(candidates()) do
    local count = redis.call('ZCARD', prefix .. name)
    if not size or count < size then best, size = name, count end
  end
  return prefix .. best
end

-- What one reads of the place costs more than all the rest, and without a filter nothing of it matters.
local by_place = wanted.status or wanted.kind or wanted.account or wanted.batch or wanted.tenant or wanted.double_payments
  or wanted.roots

local function fits(id)
  for _, label in ipairs(labels) do
    if not redis.call('ZSCORE', prefix .. 'label_jobs:' .. label, id) then return false end
  end
  if not by_place then return true end
  local place = stored_place(id)
  if not place then return false end
  local function is(one, actual) return not one or one == actual end
  return is(wanted.status, place.status) and is(wanted.kind, kind_of(place)) and is(wanted.account, place.of.account)
    and is(wanted.batch, place.of.batch) and is(wanted.tenant, tenant_of(place.turn))
    and is(wanted.double_payments, place.double) and (not wanted.roots or place.pipeline == '')
end

local function says(doc) return not asked.text or string.find(string.lower(doc), asked.text, 1, true) ~= nil end

local index, docs, looked = smallest(), {}, 0
local top = asked.after and tonumber(asked.top) or math.huge

-- Where the page before ended; its last entry may be gone since.
local function first_rank()
  if not asked.after then return 0 end
  local rank = redis.call('ZREVRANK', index, asked.after)
  if rank and tonumber(redis.call('ZSCORE', index, asked.after)) == top then return rank + 1 end
  return redis.call('ZCOUNT', index, '(' .. asked.top, '+inf')
end

local rank, last_score, last_id = first_rank(), '', ''
while true do
  local entries = redis.call('ZREVRANGE', index, rank, rank + PAGE - 1, 'WITHSCORES')
  for n = 1, #entries, 2 do
    local id, score = entries[n], entries[n + 1]
    -- Entries of one time are ordered by id.
    if tonumber(score) < top or not asked.after or id < asked.after then
      if #docs == asked.limit or looked == asked.most then return {last_score, last_id, docs} end
      looked, last_score, last_id = looked + 1, score, id
      if fits(id) then
        local doc = redis.call('HGET', job_key(id), 'doc')
        if doc and says(doc) then table.insert(docs, doc) end
      end
    end
  end
  if #entries < 2 * PAGE then return {'', '', docs} end
  rank = rank + PAGE
end
