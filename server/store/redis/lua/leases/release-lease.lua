-- Releases a lease.
--
-- Keys
--   lease   text: untilMs|holder
-- Arguments
--   holder  broker that releases it
-- Invariant: only the holder releases a lease.

if string.match(redis.call('GET', lease_key) or '', '^%d+|(.*)$') == holder then
  redis.call('DEL', lease_key)
end
return 'ok'
