-- Deletes the record of a session for which this call frees or passes on the slot.
local function delete_session(session)
  redis.call('HDEL', sessions_key, session.id)
  sessions[session.id] = false
  session.deleted = true
end
