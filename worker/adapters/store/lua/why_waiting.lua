-- Why a ready job does not start on an account now, or nil where it may (see Store.why_waiting).
-- ARGV: prefix, capacity, now, id

local capacity, now, id = cjson.decode(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local text, concurrency_key = unpack(redis.call('HMGET', prefix .. 'job:' .. id, 'place', 'guard'))
if not text then return false end
local place = cjson.decode(text)
local turn, lane = place[6], place[7]
local reason = why_not(capacity, turn, lane)
if reason then return reason end
if paced_until(capacity) > now then return 'pace' end
if concurrency_key then
  local head = redis.call('HGET', prefix .. 'heads', read_lane(lane).account .. '|' .. concurrency_key)
  local runs = redis.call('HEXISTS', prefix .. 'guards:' .. capacity.account, concurrency_key) == 1
  if runs or (head and head ~= id) then return 'prompt' end
end
return false
