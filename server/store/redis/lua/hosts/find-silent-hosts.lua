-- Which hosts have been silent for longer than that, the longest first.
--
-- ARGV  3 milliseconds of silence  4 how many at the most
-- Returns the number of hosts, then per silent host: hostId, state, beatAtMs, missingAtMs, and at the end the time

local latest = now - tonumber(ARGV[3])
local ids = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', '(' .. latest, 'LIMIT', 0, ARGV[4])
local reply, stray = { redis.call('HLEN', KEYS[1]) }, {}
load_hosts(ids)
for _, id in ipairs(ids) do
  local host = hosts[id]
  if host then
    reply[#reply + 1] = id
    reply[#reply + 1] = host.state
    reply[#reply + 1] = tostring(host.beat_at)
    reply[#reply + 1] = tostring(host.missing_at)
  else
    stray[#stray + 1] = id
  end
end
call_with('ZREM', KEYS[4], stray)
reply[#reply + 1] = tostring(now)
return reply
