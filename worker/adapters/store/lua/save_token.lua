-- Replace an API token, unless another process changed it meanwhile. Returns 1 if written.
-- ARGV: prefix, name, doc ('': removed), doc as it was known ('': there is none), and as JSON: hashes of its secrets that
--   are no more, and that are new: {gone, new}
--
--   api_tokens   hash  name -> doc (JSON)
--   api_secrets  hash  SHA-256 of a secret -> name
local prefix, name, doc, known = unpack(ARGV)
local hashes = cjson.decode(ARGV[5])
if (redis.call('HGET', prefix .. 'api_tokens', name) or '') ~= known then return 0 end
for _, hash in ipairs(hashes.gone) do redis.call('HDEL', prefix .. 'api_secrets', hash) end
for _, hash in ipairs(hashes.new) do redis.call('HSET', prefix .. 'api_secrets', hash, name) end
if doc == '' then redis.call('HDEL', prefix .. 'api_tokens', name) else redis.call('HSET', prefix .. 'api_tokens', name, doc) end
return 1
