-- The next jobs that list_stored.lua has to put into the indexes behind listings, oldest first.
-- ARGV: prefix, how many. Returns where it came to ('complete': nothing is left to do), and pairs of id and doc; a doc
-- without metadata is empty, since nothing of it is needed.
local at = redis.call('GET', prefix .. 'listings') or ''
if at == 'complete' then return {at} end
local jobs, first = prefix .. 'jobs', 0
local score, last = string.match(at, '^(.*)|(.*)$')
if last then
  local rank = redis.call('ZRANK', jobs, last)
  first = rank and rank + 1 or redis.call('ZCOUNT', jobs, '-inf', '(' .. score)
end
local found = {at}
for _, id in ipairs(redis.call('ZRANGE', jobs, first, first + ARGV[2] - 1)) do
  local doc = redis.call('HGET', job_key(id), 'doc') or ''
  table.insert(found, id)
  table.insert(found, string.find(doc, '"metadata":', 1, true) and doc or '')
end
return found
