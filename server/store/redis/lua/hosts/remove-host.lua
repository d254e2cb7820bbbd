-- Removes a host that leaves the fleet; its sessions end with host_ended, its reservations with host_lost.
--
-- Arguments
--   caller_id      the calling broker
--   host_id
--   connection_id
-- Returns per ended session: sessionId, record, connectionId
-- Invariant: a connection that was replaced removes nothing.

local reply = {}
local host = load_host(host_id)
if host and host.connection == connection_id then
  remove_host(host, 'host_ended', reply)
end
commit_and_serve_queue()
return reply
