-- Shared by the scripts that read stored jobs. ARGV[1] is the prefix of all keys.

local prefix = ARGV[1]

local function job_key(id) return prefix .. 'job:' .. id end

-- The version of records, also in places.py: the last field of a place. What an older version wrote last has none, or
-- another one, until list_stored.lua has put it into the indexes that that version did not keep.
local FORMAT = 1

local function with_format(text) return (string.gsub(text, '%]$', ',' .. FORMAT .. ']')) end

local function without_format(text) return (string.gsub(text, ',%d+%]$', ']')) end

local function is_older(text) return tonumber(string.match(text, ',(%d+)%]$')) ~= FORMAT end

-- A lane's name: rank, account ('*': any), kind ('action/video': a press that makes a film), sort (selects the price; '' once it is paid for), mode, batch.
local function read_lane(lane)
  local rank, account, kind, sort, mode, batch =
    string.match(lane, '^(%d)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return {rank = tonumber(rank), account = account, kind = kind, sort = sort, mode = mode, batch = batch}
end

-- The tenant of the jobs of a turn; empty: the operator's own.
local function tenant_of(turn) return string.match(turn, '|(.*)$') end

-- Parse a stored place: the fields of `Place` in places.py, in their order; nil for nil.
local function read_place(text)
  if not text then return nil end
  local status, pipeline, created, task, ready, turn, lane, concurrency_key, holds, double, failure, open, blobs, format = unpack(cjson.decode(text))
  return {
    status = status, pipeline = pipeline, created = created, task = task, ready = ready, turn = turn, lane = lane,
    concurrency_key = concurrency_key, holds = holds, double = double, failure = failure or '', open = open,
    blobs = blobs or '', of = read_lane(lane), text = text, format = format,
  }
end

local function stored_place(id) return read_place(redis.call('HGET', job_key(id), 'place')) end
