-- Why a ready job does not start on an account now, or nil where it may (see Store.why_waiting).
-- ARGV: prefix, terms, now, id

local terms, now, id = cjson.decode(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local text, guard = unpack(redis.call('HMGET', prefix .. 'job:' .. id, 'place', 'guard'))
if not text then return false end
local place = cjson.decode(text)
local turn, lane = place[6], place[7]
local reason = why_not(terms, turn, lane)
if reason then return reason end
if paced_until(terms) > now then return 'pace' end
if guard then
  local head = redis.call('HGET', prefix .. 'heads', read_lane(lane).account .. '|' .. guard)
  local runs = redis.call('HEXISTS', prefix .. 'guards:' .. terms.account, guard) == 1
  if runs or (head and head ~= id) then return 'prompt' end
end
return false
