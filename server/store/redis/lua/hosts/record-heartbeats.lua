-- Records heartbeats of hosts: the first makes a host ready, one of a suspect host makes it ready again. A joining host whose
-- sessions differ from those of the store stays joining until it is reconciled: slots that look free may be in use. A host whose
-- back-off is over gets sessions again.
--
-- Lists
--   host_ids
--   connection_ids
--   measured_loads
--   digests
-- Returns per heartbeat: ok | differs | replaced | unknown
-- Invariant: only the connection that registered last counts; a host is in the set of free hosts exactly if it takes sessions.

load_hosts(host_ids)

local function record_heartbeat(host, measured, agrees)
  host.ramping = decay_ramping(host.ramping, now_ms - host.heartbeat_at)
  host.measured = measured
  host.heartbeat_at = now_ms
  host.missing_at = 0
  if host.closed then
    end_back_off(host)
  end
  if host.state ~= 'joining' or agrees then
    set_state(host, 'ready')
  end
  change_host(host)
end

local reply, times = {}, {}
for i, id in ipairs(host_ids) do
  local host = hosts[id]
  if not host then
    reply[i] = 'unknown'
  elseif host.connection ~= connection_ids[i] then
    reply[i] = 'replaced'
  else
    local agrees = host.digest == tonumber(digests[i])
    record_heartbeat(host, tonumber(measured_loads[i]), agrees)
    times[#times + 1] = now_ms
    times[#times + 1] = id
    reply[i] = agrees and 'ok' or 'differs'
  end
end
call_with_values('ZADD', heartbeats_key, times)
commit_and_serve_queue()
return reply
