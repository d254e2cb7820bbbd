-- Takes a lease, or keeps it.
--
-- KEYS  1 the lease: untilMs|holder
-- ARGV  1 milliseconds since 1970 when a test says what time it is, else ''  2 holder  3 milliseconds it lasts
-- Returns 1 when the caller holds it now
-- Keeps: only the holder renews; a lease passes on by running out.

local until_at, holder = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)|(.*)$')
if holder and holder ~= ARGV[2] and tonumber(until_at) > now then
  return 0
end
redis.call('SET', KEYS[1], (now + ARGV[3]) .. '|' .. ARGV[2], 'PX', ARGV[3])
return 1
