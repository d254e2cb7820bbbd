-- Gives a lease up.
--
-- KEYS  1 the lease, as in hold-lease.lua
-- ARGV  1 holder
-- Keeps: only the holder's token releases.

if string.match(redis.call('GET', KEYS[1]) or '', '^%d+|(.*)$') == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 'ok'
