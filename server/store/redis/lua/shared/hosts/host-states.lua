-- States of hosts. The slots of a ready, open host count in the totals of its region pool.

local function counted_slots(host)
  return host.state == 'ready' and not host.closed and host.slots or 0
end

local function set_state(host, state)
  local before = counted_slots(host)
  host.state = state
  added_slots = added_slots + counted_slots(host) - before
  change_host(host)
end

-- Closes a host to new sessions, or opens it.
local function set_closed(host, closed)
  local before = counted_slots(host)
  host.closed = closed
  added_slots = added_slots + counted_slots(host) - before
  change_host(host)
end
