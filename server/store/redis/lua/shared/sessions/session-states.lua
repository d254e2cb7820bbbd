-- States that a host reports.

-- When a session that its host reports in this state ends by itself: RESUME_WINDOW_MS after its client disconnected, else 0.
local function due_at_of(session, state)
  if state ~= 'disconnected' then
    return 0
  end
  return session.state == state and session.due_at or now_ms + RESUME_WINDOW_MS
end

-- Gives a session that stays on its host another epoch or state.
local function update_session(session, host, epoch, state)
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
  session.due_at = due_at_of(session, state)
  session.epoch, session.state = epoch, state
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
  change_host(host)
  change_session(session)
end
