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
  local slots, measured, beat_at, missing_at, state, committed, ramping, digest, connection, first_slot =
    struct.unpack(HOST_FORMAT, text)
  -- All fields at once: a table that grows later costs as much again.
  local host = {
    id = id,
    slots = slots,
    committed = committed,
    measured = measured,
    ramping = ramping,
    beat_at = beat_at,
    missing_at = missing_at,
    digest = digest,
    state = HOST_STATES[state],
    connection = connection,
    order = string.sub(text, first_slot),
    stored_score = false,
    changed = false,
  }
  host.stored_score = free_score(host)
  return host
end

local function encode_host(host)
  return struct.pack(HOST_FORMAT, host.slots, host.measured, host.beat_at, host.missing_at, STATE_NUMBER[host.state],
    host.committed, host.ramping, host.digest, host.connection) .. host.order
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
  local epoch, state, reason, due_at, host, slot, reserved_at, broker, meta =
    string.match(text, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return {
    id = id,
    epoch = number_of[epoch],
    state = state,
    reason = reason,
    host = host,
    slot = slot,
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
    slot = '',
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
    .. '|' .. session.host .. '|' .. session.slot .. '|' .. text_of[session.reserved_at] .. '|' .. session.broker .. '|' .. session.meta
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

-- The live sessions in these slots of a host, loaded, in the order of their ids. `used` says how many of the
-- host's slots are looked at; the last ones are free as far as the host's record knows.
local function sessions_in_slots(host, used)
  local members = {}
  for at = 1, used * SLOT_LENGTH, SLOT_LENGTH do
    members[#members + 1] = host.id .. '/' .. string.sub(host.order, at, at + 1)
  end
  local ids = {}
  for first = 1, #members, MAX_VALUES do
    for _, id in ipairs(redis.call('HMGET', KEYS[6], unpack(members, first, math.min(first + MAX_VALUES - 1, #members)))) do
      ids[#ids + 1] = id or nil
    end
  end
  load_sessions(ids)
  local found = {}
  for i = 1, #ids do
    local session = sessions[ids[i]]
    if session and is_live(session.state) and session.host == host.id and not found[session.id] then
      found[session.id] = true
      found[#found + 1] = session
    end
  end
  table.sort(found, function(a, b)
    return name_before(a.id, b.id)
  end)
  return found
end

local function live_sessions_of(host)
  return sessions_in_slots(host, host.committed)
end

-- The names of a host's slots: those of its sessions, then as many free ones as there are besides.
local function order_slots(found, slots)
  local names, taken = {}, {}
  for i, session in ipairs(found) do
    names[i] = session.slot
    taken[session.slot] = true
  end
  local number = 0
  while #names < slots do
    local name = string.char(97 + math.floor(number / 26), 97 + number % 26)
    if not taken[name] then
      names[#names + 1] = name
    end
    number = number + 1
  end
  return table.concat(names)
end
