-- Withdraws offers that were not accepted in time.
--
-- Arguments
--   caller_id    the calling broker
-- Lists
--   session_ids
-- Returns per session that ended: sessionId, record, connectionId
-- Invariants: the first missed offer sends an entry to the back of the queue, the second ends it; a session that ends here has
--   no host.

load_sessions(session_ids)

local reply = {}
for _, id in ipairs(session_ids) do
  local session = sessions[id]
  if session and session.state == 'offered' and session.due_at <= now_ms then
    local waiting = load_waiting(id)
    if waiting and waiting.misses == 0 then
      waiting.misses, waiting.score = 1, now_ms
      save_waiting(waiting)
      requeue(waiting)
      withdraw_offer(session)
    else
      delete_waiting(id)
      local host = end_session(session, 'reservation_expired')
      session.host = ''
      add_ended(reply, session, host)
    end
  end
end
commit_and_serve_queue()
return reply
