-- Puts a drain in the place of what is known of its target, if that is still what the caller read.
--
-- KEYS  1 hash  target -> drain as JSON
-- ARGV  1 unused  2 target  3 what the caller read, '' for nothing  4 the drain
-- Returns 1 when it was done
-- Keeps: of two brokers that change one drain, one does.

if (redis.call('HGET', KEYS[1], ARGV[2]) or '') ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
return 1
