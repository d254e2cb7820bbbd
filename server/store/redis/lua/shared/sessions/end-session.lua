-- Ends of sessions.

-- Deletes a session that was offered and not accepted, and frees its slot. Returns its host if the store knows it.
local function withdraw_offer(session)
  local host = release_slot(session)
  delete_session(session)
  return host
end

-- Ends a live session. An offer returns to the queue instead, where it stood before.
-- Returns the host if the store knows it, and whether the session ended.
local function end_session(session, reason)
  local waiting = session.state == 'offered' and load_waiting(session.id)
  if waiting then
    requeue(waiting)
    return withdraw_offer(session), false
  end
  local host = release_slot(session)
  record_change(session.broker, session.id)
  if reason == 'host_lost' and session.state ~= 'arriving' then
    add_lost_session(session)
  end
  session.state, session.reason, session.due_at = 'ended', reason, now_ms + ENDED_KEPT_MS
  change_session(session)
  return host, true
end
