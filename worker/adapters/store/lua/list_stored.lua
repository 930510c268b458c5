-- Put stored jobs into the indexes behind listings. ARGV: prefix, where next_stored.lua came to, and as JSON the jobs that
-- it found: {id, labels}. None: all are there. Does nothing if another process was first.
local jobs = cjson.decode(ARGV[3])
if (redis.call('GET', prefix .. 'listings') or '') ~= ARGV[2] then return 0 end
local at = #jobs == 0 and 'complete' or ARGV[2]
for _, job in ipairs(jobs) do
  local place = stored_place(job.id)
  if place then
    list_job(job.id, place, job.labels)
    at = redis.call('ZSCORE', prefix .. 'jobs', job.id) .. '|' .. job.id
  end
end
redis.call('SET', prefix .. 'listings', at)
return 1
