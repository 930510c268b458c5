-- 1 if a worker is to be woken for the account; 0 if a wake-up is on its way already.
-- ARGV: prefix, account

return call(ARGV[2])
