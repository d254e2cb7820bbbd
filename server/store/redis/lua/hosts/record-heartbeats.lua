-- Takes heartbeats of hosts: the first makes a host ready, one of a suspect host makes it ready again. A host
-- that joins with other sessions than the store knows of waits for its reconciliation: until then its slots
-- look free and are not.
--
-- ARGV  3... per heartbeat: hostId, connectionId, measured, digest
-- Returns per heartbeat: ok | differs | replaced | unknown
-- Keeps: only the connection that registered last is heard; free holds a host exactly if it takes sessions.

local ids = {}
for i = 3, #ARGV, 4 do
  ids[#ids + 1] = ARGV[i]
end
load_hosts(ids)

local outcomes, times = {}, {}
for i = 3, #ARGV, 4 do
  local host = hosts[ARGV[i]]
  local outcome
  if not host then
    outcome = 'unknown'
  elseif host.connection ~= ARGV[i + 1] then
    outcome = 'replaced'
  else
    outcome = host.digest == tonumber(ARGV[i + 3]) and 'ok' or 'differs'
    host.ramping = decay_ramping(host.ramping, now - host.beat_at)
    host.measured = tonumber(ARGV[i + 2])
    host.beat_at = now
    host.missing_at = 0
    if host.state ~= 'joining' or outcome == 'ok' then
      set_state(host, 'ready')
    end
    change_host(host)
    times[#times + 1] = now
    times[#times + 1] = host.id
  end
  outcomes[#outcomes + 1] = outcome
end
call_with('ZADD', KEYS[4], times)
finish()
return outcomes
