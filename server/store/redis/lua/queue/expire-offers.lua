-- Takes back offers that nobody accepted in time.
--
-- ARGV  3... sessionId
-- Returns per session that ended: sessionId, record, connectionId
-- Keeps: a missed offer goes to the back of the queue once; what ended here has no host.

local out, ids = {}, {}
for i = 3, #ARGV do
  ids[#ids + 1] = ARGV[i]
end
load_sessions(ids)
for _, id in ipairs(ids) do
  local session = sessions[id]
  if session and session.state == 'offered' and session.due_at <= now then
    local waiting = load_waiting(id)
    if waiting and waiting.misses == 0 then
      waiting.misses, waiting.score = 1, now
      save_waiting(waiting)
      requeue(waiting)
      take_back(session)
    else
      forget_waiting(id)
      local host = end_session(session, 'reservation_expired')
      session.host = ''
      tell_ended(out, session, host)
    end
  end
end
finish()
return out
