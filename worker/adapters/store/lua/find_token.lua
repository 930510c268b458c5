-- The doc of the API token that has a secret with this hash, or nil. ARGV: prefix, hash
local name = redis.call('HGET', ARGV[1] .. 'api_secrets', ARGV[2])
return name and redis.call('HGET', ARGV[1] .. 'api_tokens', name)
