-- Shared by the scripts that start jobs: where ready jobs wait, and why one may not start.
--
-- Ready jobs wait in lanes; all jobs of a lane are alike for every rule, see places.lua. Lanes are grouped by batch, and
-- batches by turn: '<9 - priority>|<tenant>'. Within a priority the tenant that was served least comes first, within a
-- tenant the batch that was served least, and only then the rank: follow-ups before roots, so that pipelines finish,
-- but not at another caller's cost. A new member starts with the count of the one that is next, so it waits for one
-- start at most and gains nothing by an earlier pause. An empty one keeps its count until it would be next.

local turns = prefix .. 'turns'
local LEVEL = 2 ^ 32 -- more than any number of starts

local function batches_of(turn) return prefix .. 'batches:' .. turn end
local function lanes_of(turn, batch) return prefix .. 'lanes:' .. turn .. '|' .. batch end
local function queue_of(turn, lane) return prefix .. 'ready:' .. turn .. '|' .. lane end
-- Films have slots of their own, so all counts are separate. Presses that make films are of the kind 'action/video'.
local function is_film(kind) return string.match(kind, 'video$') ~= nil end
local function pool_of(account, kind) return account .. (is_film(kind) and ':video' or '') end
local function running_of(account, kind) return prefix .. 'running:' .. pool_of(account, kind) end

-- One wake-up is enough for all that an account may start. After this time it counts as lost.
local CALLED_MS = 2000
local function called(account) return prefix .. 'called:' .. account end
local function call(account) return redis.call('SET', called(account), 1, 'NX', 'PX', CALLED_MS) and 1 or 0 end

-- The job that tries a resting account is over as soon as it is not being submitted any more, however that came.
local function is_tried(account)
  local id = redis.call('HGET', prefix .. 'account:' .. account, 'trial')
  local place = id and stored_place(id)
  return place and place.status == 'submitting' and place.of.account == account
end

-- A trial has a place of its own: jobs that wait for evidence or for their end may hold all others for long.
local function free_slots(capacity, kind)
  local slots = is_film(kind) and capacity.slots.video or capacity.slots.image
  if capacity.trial ~= cjson.null then return is_tried(capacity.account) and 0 or slots end
  return slots - redis.call('SCARD', running_of(capacity.account, kind))
end

local function used(scope)
  local spent, reserved, refunded = unpack(redis.call('HMGET', prefix .. 'money:' .. scope, 'spent', 'reserved', 'refunded'))
  return (tonumber(spent) or 0) + (tonumber(reserved) or 0) - (tonumber(refunded) or 0)
end

-- The scope whose budget is too small for the price, or nil.
local function short_of_money(capacity, tenant, batch, price)
  if price <= 0 then return nil end
  local budgets = {{'account:' .. capacity.account, capacity.budget}, {'day:' .. capacity.today, capacity.day}}
  if tenant ~= '' then table.insert(budgets, {'tenant:' .. tenant, capacity.tenants[tenant] or capacity.tenants['*']}) end
  if batch ~= '' then
    table.insert(budgets, {'batch:' .. batch, tonumber(redis.call('HGET', prefix .. 'batch:' .. batch, 'budget') or nil)})
  end
  for _, budget in ipairs(budgets) do
    local scope, limit = budget[1], budget[2]
    if limit and limit ~= cjson.null and used(scope) + price > limit then return scope end
  end
  return nil
end

local function is_paused(what) return redis.call('SISMEMBER', prefix .. 'paused', what) == 1 end

-- When the account's pace allows the next start; 0 if it has none.
local function paced_until(capacity)
  if capacity.interval == cjson.null then return 0 end
  local due = tonumber(redis.call('HGET', prefix .. 'account:' .. capacity.account, 'next_start') or 0)
  return due - (capacity.burst - 1) * capacity.interval
end

-- Why the jobs of a lane may not start on the account now; nil if they may.
local function why_not(capacity, turn, lane, price)
  local of = read_lane(lane)
  if of.account ~= '*' and of.account ~= capacity.account then return 'account' end
  if of.mode ~= '' and next(capacity.modes) and not capacity.modes[of.mode] then return 'mode' end
  if is_paused('account:' .. capacity.account) then return 'paused:account:' .. capacity.account end
  for kind in string.gmatch(of.kind, '[^/]+') do
    if is_paused('kind:' .. kind) then return 'paused:kind:' .. kind end
  end
  if of.batch ~= '' and is_paused('batch:' .. of.batch) then return 'paused:batch:' .. of.batch end
  if free_slots(capacity, of.kind) <= 0 then return 'slots' end
  if not price then price = of.sort == '' and 0 or capacity.prices[of.sort] or capacity.prices.default or 0 end
  local scope = short_of_money(capacity, tenant_of(turn), of.batch, price)
  return scope and 'budget:' .. scope
end
