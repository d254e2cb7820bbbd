-- Takes back offers that nobody accepted in time, and the places of those who are gone.
--
-- ARGV  3 milliseconds that a place is kept unattended  4 how many of each at the most
-- Returns per session that ended: sessionId, record, connectionId
-- Keeps: a missed offer goes to the back of the queue once; everybody's wait ends.

local out = {}
local limit = tonumber(ARGV[4])

take_due(KEYS[14], 'offered', limit, function(session)
  local waiting = load_waiting(session.id)
  if waiting and waiting.misses == 0 then
    waiting.misses, waiting.score = 1, now
    save_waiting(waiting)
    requeue(waiting)
    take_back(session)
  else
    forget_waiting(session.id)
    end_and_tell(out, session, 'reservation_expired')
  end
end)

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[13], '-inf', now - ARGV[3], 'LIMIT', 0, limit)) do
  local waiting, session = load_waiting(id), load_session(id)
  if not (session and session.state == 'offered') then
    forget_waiting(id)
    if waiting then
      local lapsed = new_session(id, waiting.epoch, 'ended', waiting.broker, waiting.meta)
      lapsed.reason, lapsed.due_at = 'reconnect_expired', forget_at
      sessions[id] = lapsed
      change_session(lapsed)
      tell_ended(out, lapsed, nil)
    end
  end
end
finish()
return out
