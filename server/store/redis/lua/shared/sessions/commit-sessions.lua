-- Writes changed sessions, with the lists of those that become due.

-- States that last for a limited time, with the lists of their sessions.
local DUE_LISTS = {
  reserved = reserved_key, offered = offers_key, disconnected = disconnected_key, arriving = arriving_key, ended = ended_key,
}

local function commit_sessions()
  local records, due, due_at = {}, {}, {}
  for _, session in ipairs(changed_sessions) do
    if not session.deleted then
      records[#records + 1] = session.id
      records[#records + 1] = encode_session(session)
      local state = session.state
      if DUE_LISTS[state] and session.stored_state ~= state then
        due[state] = due[state] or {}
        table.insert(due[state], session.id)
        due_at[state] = session.due_at
      end
    end
    session.changed, session.stored_state = false, session.state
  end
  call_with_values('HSET', sessions_key, records)
  for state, ids in pairs(due) do
    push_due(DUE_LISTS[state], due_at[state], ids, #ids)
  end
  changed_sessions = {}
end
