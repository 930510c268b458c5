-- The next jobs that list_stored.lua has to put into the indexes behind listings, oldest first.
-- ARGV: prefix, how many to look at, the name of the key that says where it came to: 'listings', once through all jobs
-- ('complete': nothing is left to do), or 'relisted', round and round, for those that an older version wrote last.
-- Returns where it came to, where it comes to now, and pairs of id and doc; a doc without metadata is empty, since nothing
-- of it is needed.
local at = redis.call('GET', prefix .. ARGV[3]) or ''
local again = ARGV[3] == 'relisted'
if at == 'complete' then return {at, at} end
local jobs, first = prefix .. 'jobs', 0
local score, last = string.match(at, '^(.*)|(.*)$')
if last then
  local rank = redis.call('ZRANK', jobs, last)
  first = rank and rank + 1 or redis.call('ZCOUNT', jobs, '-inf', '(' .. score)
end
local entries = redis.call('ZRANGE', jobs, first, first + ARGV[2] - 1, 'WITHSCORES')
local came_to = again and '' or 'complete'
if #entries > 0 then came_to = entries[#entries] .. '|' .. entries[#entries - 1] end
local found = {at, came_to}
for n = 1, #entries, 2 do
  local id = entries[n]
  local place = again and redis.call('HGET', job_key(id), 'place')
  if not again or place and is_older(place) then
    local doc = redis.call('HGET', job_key(id), 'doc') or ''
    table.insert(found, id)
    table.insert(found, string.find(doc, '"metadata":', 1, true) and doc or '')
  end
end
return found
