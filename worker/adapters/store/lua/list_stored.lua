-- Put stored jobs into the indexes behind listings, and note that they are of this version.
-- ARGV: prefix, the name of the key and the two places that next_stored.lua is about, and as JSON the jobs that it found:
-- {id, labels}. Does nothing if another process was first.
local cursor = prefix .. ARGV[2]
if (redis.call('GET', cursor) or '') ~= ARGV[3] then return 0 end
for _, job in ipairs(cjson.decode(ARGV[5])) do
  local place = stored_place(job.id)
  if place then
    list_job(job.id, place, job.labels)
    if place.format ~= FORMAT then redis.call('HSET', job_key(job.id), 'place', with_format(without_format(place.text))) end
  end
end
redis.call('SET', cursor, ARGV[4])
return 1
