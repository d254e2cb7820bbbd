-- Ends reservations that nobody claimed in time, the oldest first.
--
-- ARGV  3 how many at the most
-- Returns per ended session: sessionId, record, connectionId
-- Keeps: an unclaimed slot is free again within its time plus one sweep.

local out = {}
take_due(KEYS[7], 'reserved', tonumber(ARGV[3]), function(session)
  tell_ended(out, session, end_session(session, 'reservation_expired'))
end)
commit()
return out
