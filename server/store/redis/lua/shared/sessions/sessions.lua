-- Sessions as tables, read once a call.

local sessions = {}

local state_of = memo(function(code)
  return name_of(STATE_CODES, code)
end)

local function is_live(state)
  return state and state ~= 'ended'
end

local function decode_session(id, text)
  local host, epoch, broker, seq, meta = string.match(text, '^([^|]*)|(%d+)|([^|]*)|(%d*)(.*)$', HOST_AT)
  local state, mark, slot = state_of[sub(text, 1, 1)], sub(text, 2, 2), sub(text, SLOT_AT, SLOT_AT + 1)
  return {
    id = id,
    epoch = number_of[epoch],
    state = state,
    reason = state == 'ended' and name_of(REASON_CODES, mark) or '',
    movable = mark == '+',
    host = host,
    slot = slot == NO_SLOT and '' or slot,
    reserved_at = number_of[sub(text, RESERVED_AT, HOST_AT - 1)],
    due_at = number_of[sub(text, DUE_AT, RESERVED_AT - 1)],
    broker = broker,
    seq = seq == '' and 0 or tonumber(seq),
    meta = meta,
    stored_state = state,
    changed = false,
  }
end

local function load_sessions(ids)
  load_fields(sessions_key, ids, sessions, decode_session)
end

local function load_session(id)
  if sessions[id] == nil then
    load_sessions({ id })
  end
  return sessions[id]
end
