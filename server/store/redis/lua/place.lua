-- Shared by every script of a place that is not run per placement, after records.lua: how records are read.
--
-- A script loads records, changes them, and ends with commit(), which writes every change once and derives
-- members, reserved, ended, totals and free from what the records say.

local number_of = memo(tonumber)
local text_of = memo(function(number)
  return string.format('%d', number)
end)

-- Reads fields of a hash into `cache` as `decode` gives them; false for those that are not there.
local function load_fields(key, ids, cache, decode)
  local wanted = {}
  for _, id in ipairs(ids) do
    if cache[id] == nil then
      cache[id] = false
      wanted[#wanted + 1] = id
    end
  end
  for first = 1, #wanted, MAX_VALUES do
    local texts = redis.call('HMGET', key, unpack(wanted, first, math.min(first + MAX_VALUES - 1, #wanted)))
    for i = 1, #texts do
      local id, text = wanted[first + i - 1], texts[i]
      cache[id] = text and decode(id, text)
    end
  end
end

-- Hosts -----------------------------------------------------------------------------------------------

local HOST_STATES = { 'joining', 'ready', 'suspect' }
local STATE_NUMBER = { joining = JOINING, ready = READY, suspect = SUSPECT }

local hosts, changed_hosts = {}, {}
local added_slots = 0

-- Where a host stands in free: its congestion, or false when it takes nothing.
local function free_score(host)
  return host.state == 'ready' and host.committed < host.slots
    and congestion_of(host.slots, host.committed, host.measured, host.ramping)
end

local function decode_host(id, text)
  local number, slots, committed, measured, ramping, beat_at, missing_at, digest, state, connection =
    struct.unpack(HOST_FORMAT, text)
  -- All fields at once: a table that grows later costs as much again.
  local host = {
    id = id,
    number = number,
    slots = slots,
    committed = committed,
    measured = measured,
    ramping = ramping,
    beat_at = beat_at,
    missing_at = missing_at,
    digest = digest,
    state = HOST_STATES[state],
    connection = connection,
    stored_score = false,
    changed = false,
  }
  host.stored_score = free_score(host)
  return host
end

local function encode_host(host)
  return struct.pack(HOST_FORMAT, host.number, host.slots, host.committed, host.measured, host.ramping, host.beat_at,
    host.missing_at, host.digest, STATE_NUMBER[host.state], host.connection)
end

local function load_hosts(ids)
  load_fields(KEYS[1], ids, hosts, decode_host)
end

local function load_host(id)
  if hosts[id] == nil then
    load_hosts({ id })
  end
  return hosts[id]
end

local function change_host(host)
  if not host.changed then
    host.changed = true
    changed_hosts[#changed_hosts + 1] = host
  end
end

local function set_state(host, state)
  local before = host.state == 'ready' and host.slots or 0
  local after = state == 'ready' and host.slots or 0
  host.state = state
  added_slots = added_slots + after - before
  change_host(host)
end

-- Sessions --------------------------------------------------------------------------------------------

local sessions, changed_sessions = {}, {}

local function decode_session(id, text)
  local epoch, state, reason, due_at, host, reserved_at, broker, meta =
    string.match(text, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return {
    id = id,
    epoch = number_of[epoch],
    state = state,
    reason = reason,
    host = host,
    reserved_at = number_of[reserved_at],
    due_at = number_of[due_at],
    broker = broker,
    meta = meta,
    stored_state = state,
    stored_host = host,
    changed = false,
  }
end

-- A session that the store does not know, before it joins a host.
local function new_session(id, epoch, state, broker, meta)
  return {
    id = id,
    epoch = epoch,
    state = state,
    reason = '',
    host = '',
    reserved_at = now,
    due_at = 0,
    broker = broker,
    meta = meta,
    stored_state = false,
    stored_host = false,
    changed = false,
  }
end

local function encode_session(session)
  return text_of[session.epoch] .. '|' .. session.state .. '|' .. session.reason .. '|' .. text_of[session.due_at]
    .. '|' .. session.host .. '|' .. text_of[session.reserved_at] .. '|' .. session.broker .. '|' .. session.meta
end

local function load_sessions(ids)
  load_fields(KEYS[5], ids, sessions, decode_session)
end

local function load_session(id)
  if sessions[id] == nil then
    load_sessions({ id })
  end
  return sessions[id]
end

local function change_session(session)
  if not session.changed then
    session.changed = true
    changed_sessions[#changed_sessions + 1] = session
  end
end

local function is_live(state)
  return state and state ~= 'ended'
end

-- The live sessions of a host, loaded, in the order of their ids; and members that are none.
local function live_sessions_of(host)
  local ids = redis.call('ZRANGEBYSCORE', KEYS[6], host.number, host.number)
  load_sessions(ids)
  local found, stray = {}, {}
  for _, id in ipairs(ids) do
    local session = sessions[id]
    if session and is_live(session.state) and session.host == host.id then
      found[#found + 1] = session
    else
      stray[#stray + 1] = id
    end
  end
  return found, stray
end
