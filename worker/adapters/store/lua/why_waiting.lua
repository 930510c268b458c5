-- Why a ready job does not start on an account now, or nil if it may (see ReadyQueue.why_waiting).
-- ARGV: prefix, capacity, now, id

local capacity, now, id = cjson.decode(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local place = stored_place(id)
if not place then return false end
local reason = why_not(capacity, place.turn, place.lane)
if reason then return reason end
if paced_until(capacity) > now then return 'pace' end
if place.concurrency_key ~= '' then
  local head = redis.call('HGET', prefix .. 'heads', place.of.account .. '|' .. place.concurrency_key)
  local runs = redis.call('HEXISTS', prefix .. 'guards:' .. capacity.account, place.concurrency_key) == 1
  if runs or (head and head ~= id) then return 'prompt' end
end
return false
