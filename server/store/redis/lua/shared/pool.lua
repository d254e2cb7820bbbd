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
  return host.state == 'ready' and not host.closed and host.free ~= ''
    and congestion_of(host.slots, host.committed, host.measured, host.ramping)
end

local function decode_host(id, text)
  local ramping, committed, digest, slots, measured, beat_at, missing_at, state, closed, named, connection, first_free =
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
    closed = closed == 1,
    named = named,
    free = sub(text, first_free),
    stored_score = false,
    changed = false,
  }
  host.stored_score = free_score(host)
  return host
end

local function encode_host(host)
  return struct.pack(HOST_FORMAT, host.ramping, host.committed, host.digest, host.slots, host.measured, host.beat_at,
    host.missing_at, STATE_NUMBER[host.state], host.closed and 1 or 0, host.named, host.connection) .. host.free
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

-- The slots that a host adds to those of its place.
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

-- Sessions --------------------------------------------------------------------------------------------

local sessions, changed_sessions = {}, {}

local time_of = memo(function(ms)
  return string.format(TIME_FORMAT, ms)
end)
local state_letter = memo(function(state)
  return letter_of(STATES, state)
end)
local state_of = memo(function(letter)
  return word_of(STATES, letter)
end)

local function decode_session(id, text)
  local host, epoch, broker, meta = string.match(text, '^([^|]*)|(%d+)|([^|]*)|(.*)$', HOST_AT)
  local state, mark, slot = state_of[sub(text, 1, 1)], sub(text, 2, 2), sub(text, SLOT_AT, SLOT_AT + 1)
  return {
    id = id,
    epoch = number_of[epoch],
    state = state,
    reason = state == 'ended' and word_of(REASONS, mark) or '',
    movable = mark == '+',
    host = host,
    slot = slot == NO_SLOT and '' or slot,
    reserved_at = number_of[sub(text, RESERVED_AT, HOST_AT - 1)],
    due_at = number_of[sub(text, DUE_AT, RESERVED_AT - 1)],
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
    movable = false,
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
  local mark = session.reason ~= '' and letter_of(REASONS, session.reason) or session.movable and '+' or '-'
  return state_letter[session.state] .. mark
    .. (session.slot == '' and NO_SLOT or session.slot) .. time_of[session.due_at] .. time_of[session.reserved_at]
    .. session.host .. '|' .. text_of[session.epoch] .. '|' .. session.broker .. '|' .. session.meta
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

-- Names of slots: aa, ab, ... by their number, from 0 on.
local function slot_name(number)
  return string.char(97 + floor(number / 26), 97 + number % 26)
end

-- The live sessions of a host, loaded, in the order of their ids.
local function live_sessions_of(host)
  local members, slots = {}, {}
  for number = 0, host.named - 1 do
    slots[number + 1] = slot_name(number)
    members[number + 1] = host.id .. '/' .. slots[number + 1]
  end
  local ids, seats = {}, {}
  for first = 1, #members, MAX_VALUES do
    for i, id in ipairs(redis.call('HMGET', KEYS[6], unpack(members, first, math.min(first + MAX_VALUES - 1, #members)))) do
      if id then
        ids[#ids + 1] = id
        seats[#seats + 1] = slots[first + i - 1]
      end
    end
  end
  load_sessions(ids)
  local found = {}
  for i = 1, #ids do
    local session = sessions[ids[i]]
    if session and is_live(session.state) and session.host == host.id and session.slot == seats[i] then
      found[#found + 1] = session
    end
  end
  table.sort(found, function(a, b)
    return name_before(a.id, b.id)
  end)
  return found
end

-- Names the free slots of a host anew, beside those of its sessions: as many as it has.
local function name_free_slots(host, found)
  local taken, free, number = {}, {}, 0
  for _, session in ipairs(found) do
    taken[session.slot] = true
  end
  while #free < host.slots - #found do
    local name = slot_name(number)
    if not taken[name] then
      free[#free + 1] = name
    end
    number = number + 1
  end
  host.free = table.concat(free)
  host.named = math.max(host.named, number)
end

-- Whether the free slots of a host are as many as it has, each once, and none of a session's.
local function free_slots_fit(host, found)
  local taken = {}
  for _, session in ipairs(found) do
    taken[session.slot] = true
  end
  for at = 1, #host.free, SLOT_LENGTH do
    local name = sub(host.free, at, at + SLOT_LENGTH - 1)
    if taken[name] then
      return false
    end
    taken[name] = true
  end
  return #host.free == math.max(0, host.slots - #found) * SLOT_LENGTH
end
