-- Removes a host that leaves in order; its sessions end with host_ended.
--
-- ARGV  3 hostId  4 connectionId
-- Returns per ended session: sessionId, record, connectionId
-- Keeps: a connection that was replaced removes nothing.

local out = {}
local host = load_host(ARGV[3])
if host and host.connection == ARGV[4] then
  remove_host(host, 'host_ended', out)
  finish()
end
return out
