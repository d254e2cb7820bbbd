-- Replaces the drain of a target, if it is still the one that the caller read.
--
-- Keys
--   drains  hash: target -> drain as JSON
-- Arguments
--   target
--   before  what the caller read, '' for no drain
--   after
-- Returns 1 when the drain was replaced, else 0
-- Invariant: of two brokers that change one drain, one succeeds.

if (redis.call('HGET', drains_key, target) or '') ~= before then
  return 0
end
redis.call('HSET', drains_key, target, after)
return 1
