-- Reads what a broker has to know of a region all the time.
--
-- Keys
--   drains  hash: target -> drain as JSON
-- Keys (lists, one of each per region pool)
--   hosts, totals, inbox, queue
-- Arguments
--   broker_id  the broker that asks
-- Returns the drains; then per region pool the number of hosts, live sessions, slots and waiting entries, and 1 when the
--   broker's inbox has something, else 0

local reply = { redis.call('HVALS', drains_key) }
for i = 1, #hosts_keys do
  local totals = redis.call('HMGET', totals_keys[i], 'sessions', 'slots')
  local inbox_fields = redis.call('HEXISTS', inbox_keys[i], broker_id)
    + redis.call('HEXISTS', inbox_keys[i], 'messages/' .. broker_id)
  reply[#reply + 1] = redis.call('HLEN', hosts_keys[i])
  reply[#reply + 1] = totals[1] or '0'
  reply[#reply + 1] = totals[2] or '0'
  reply[#reply + 1] = redis.call('ZCARD', queue_keys[i])
  reply[#reply + 1] = inbox_fields > 0 and 1 or 0
end
return reply
