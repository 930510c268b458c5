-- Shared by the scripts that change or read the indexes behind listings. ARGV[1] is the prefix.
--
-- Each is a zset: id -> created_at. `jobs`, `jobs:<status>` and `double_payments` are kept by commit.lua itself.
--   kind_jobs:<kind>, account_jobs:<account>, batch_jobs:<batch>, tenant_jobs:<tenant>
--   label_jobs:<label>   see labels_of in places.py
--   listings             string  'complete': every stored job is in them; else '<created_at>|<id>' of the last one that
--                        list_stored.lua put there, of those that older versions stored
--   relisted             string  likewise, for what older versions write meanwhile: '' or '<created_at>|<id>'

local function kind_of(place) return string.match(place.of.kind, '^[^/]+') end

local function listed_in(place)
  local found = {prefix .. 'kind_jobs:' .. kind_of(place)}
  local function add(family, name) if name ~= '' then table.insert(found, prefix .. family .. ':' .. name) end end
  add('account_jobs', place.of.account ~= '*' and place.of.account or '')
  add('batch_jobs', place.of.batch)
  add('tenant_jobs', tenant_of(place.turn))
  return found
end

local function list_job(id, place, labels)
  for _, key in ipairs(listed_in(place)) do redis.call('ZADD', key, place.created, id) end
  for _, label in ipairs(labels or {}) do redis.call('ZADD', prefix .. 'label_jobs:' .. label, place.created, id) end
end

-- Of all that these indexes are about only a job's account changes.
local function relist_job(id, old, place)
  if old.of.account == place.of.account then return end
  if old.of.account ~= '*' then redis.call('ZREM', prefix .. 'account_jobs:' .. old.of.account, id) end
  if place.of.account ~= '*' then redis.call('ZADD', prefix .. 'account_jobs:' .. place.of.account, place.created, id) end
end

local function unlist_job(id, place, labels)
  for _, key in ipairs(listed_in(place)) do redis.call('ZREM', key, id) end
  for _, label in ipairs(labels or {}) do redis.call('ZREM', prefix .. 'label_jobs:' .. label, id) end
end
