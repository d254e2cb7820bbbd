-- Finds hosts that have been silent for too long, the longest first. Deletes heartbeat times of unknown hosts on the way.
--
-- Arguments
--   silent_for_ms  time after which a host counts as silent
--   limit          how many at most
-- Returns the number of hosts, then per silent host: hostId, state, heartbeatAtMs, missingAtMs, and at the end the time

local latest = now_ms - silent_for_ms
local ids = redis.call('ZRANGEBYSCORE', heartbeats_key, '-inf', '(' .. latest, 'LIMIT', 0, limit)
local reply, unknown = { redis.call('HLEN', hosts_key) }, {}
load_hosts(ids)
for _, id in ipairs(ids) do
  local host = hosts[id]
  if host then
    reply[#reply + 1] = id
    reply[#reply + 1] = host.state
    reply[#reply + 1] = tostring(host.heartbeat_at)
    reply[#reply + 1] = tostring(host.missing_at)
  else
    unknown[#unknown + 1] = id
  end
end
call_with_values('ZREM', heartbeats_key, unknown)
reply[#reply + 1] = tostring(now_ms)
return reply
