-- Acquires or renews a lease.
--
-- Keys
--   lease   text: untilMs|holder
-- Arguments
--   holder  broker that asks for it
--   ttl_ms  how long it lasts
-- Returns 1 when the caller holds the lease, else 0
-- Invariant: only the holder renews a lease; another broker gets it after it ran out.

local until_at, known_holder = string.match(redis.call('GET', lease_key) or '', '^(%d+)|(.*)$')
if known_holder and known_holder ~= holder and tonumber(until_at) > now_ms then
  return 0
end
redis.call('SET', lease_key, (now_ms + ttl_ms) .. '|' .. holder, 'PX', ttl_ms)
return 1
