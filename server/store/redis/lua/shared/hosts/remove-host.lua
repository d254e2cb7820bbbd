-- Ends all sessions of a host and deletes it. Reservations end with host_lost, so that their players get other hosts. Its slots do not
-- count as freed: no waiting player can get them.
local function remove_host(host, reason, reply)
  local freed_before = freed_slots
  for _, session in ipairs(live_sessions_of(host)) do
    end_and_add(reply, session, session.state == 'reserved' and 'host_lost' or reason)
  end
  freed_slots = freed_before
  set_state(host, 'lost')
end
