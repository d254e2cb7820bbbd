-- A session that the store does not know, before it takes a slot.
local function new_session(id, epoch, state, broker, meta)
  local session = {
    id = id,
    epoch = epoch,
    state = state,
    reason = '',
    movable = false,
    host = '',
    slot = '',
    reserved_at = now_ms,
    due_at = 0,
    broker = broker,
    seq = 0,
    meta = meta,
    stored_state = false,
    changed = false,
  }
  sessions[id] = session
  return session
end
