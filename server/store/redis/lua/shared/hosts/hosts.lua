-- Hosts as tables, read once a call.

local HOST_STATES = { 'joining', 'ready', 'suspect' }

local hosts = {}

-- The score of a host in the set of free hosts: its congestion, or false when it takes no session.
local function free_score(host)
  return host.state == 'ready' and not host.closed and host.free ~= ''
    and congestion_of(host.slots, host.committed, host.measured, host.ramping)
end

local function decode_host(id, text)
  local ramping, committed, digest, slots, measured, heartbeat_at, missing_at, state, closed, named, connection, first_free =
    struct.unpack(HOST_FORMAT, text)
  -- All fields at once: a table that grows later costs as much again.
  local host = {
    id = id,
    slots = slots,
    committed = committed,
    measured = measured,
    ramping = ramping,
    heartbeat_at = heartbeat_at,
    missing_at = missing_at,
    digest = digest,
    state = HOST_STATES[state],
    connection = connection,
    closed = closed == CLOSED,
    trial = closed == ON_TRIAL,
    named = named,
    free = sub(text, first_free),
    stored_score = false,
    changed = false,
  }
  host.stored_score = free_score(host)
  return host
end

local function load_hosts(ids)
  load_fields(hosts_key, ids, hosts, decode_host)
end

local function load_host(id)
  if hosts[id] == nil then
    load_hosts({ id })
  end
  return hosts[id]
end
