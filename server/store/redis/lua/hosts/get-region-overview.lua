-- One look at a region, for a broker that wants to know whether there is something to do.
--
-- KEYS  1 the region's drains, then per place its hosts, totals, mail and queue
-- ARGV  2 the broker that looks
-- Returns the texts of the drains; then per place the number of hosts, the live sessions, the slots, how many wait, and 1
-- when mail or letters are there for the broker

local reply = { redis.call('HVALS', KEYS[1]) }
for i = 2, #KEYS, 4 do
  local totals = redis.call('HMGET', KEYS[i + 1], 'sessions', 'slots')
  local mail = redis.call('HEXISTS', KEYS[i + 2], ARGV[2]) + redis.call('HEXISTS', KEYS[i + 2], 'letters/' .. ARGV[2])
  reply[#reply + 1] = redis.call('HLEN', KEYS[i])
  reply[#reply + 1] = totals[1] or '0'
  reply[#reply + 1] = totals[2] or '0'
  reply[#reply + 1] = redis.call('ZCARD', KEYS[i + 3])
  reply[#reply + 1] = mail > 0 and 1 or 0
end
return reply
