-- Replace what is known of troubles, each unless another process changed it, and notify of what began or ended.
-- ARGV: prefix, now, then for each: its field, known document ('': none), new one ('': none), its notification as
-- JSON: {id, ordering_key, doc} ('': none)
--
--   alerts  hash  <kind>:<about> -> a trouble that lasts; paid:<account> -> its double payments (JSON)
local key, now = ARGV[1] .. 'alerts', ARGV[2]
local changed = 0
for i = 3, #ARGV, 4 do
  local field, known, after, note = unpack(ARGV, i, i + 3)
  if (redis.call('HGET', key, field) or '') == known then
    if after == '' then redis.call('HDEL', key, field) else redis.call('HSET', key, field, after) end
    if note ~= '' then tell(cjson.decode(note), now) end
    changed = changed + 1
  end
end
return changed
