-- Free the slots and the concurrency keys of an account that no running job holds.
-- ARGV: prefix, account. Returns the number of slots.
local account = ARGV[2]
local mended = 0

local function holds(id)
  local place = stored_place(id)
  return place and place.holds and place.of.account == account
end

for _, pool in ipairs({'', ':video'}) do
  local running = prefix .. 'running:' .. account .. pool
  for _, id in ipairs(redis.call('SMEMBERS', running)) do
    if not holds(id) then mended = mended + redis.call('SREM', running, id) end
  end
end

local guards = redis.call('HGETALL', prefix .. 'guards:' .. account)
for i = 1, #guards, 2 do
  if not holds(guards[i + 1]) then redis.call('HDEL', prefix .. 'guards:' .. account, guards[i]) end
end
return mended
