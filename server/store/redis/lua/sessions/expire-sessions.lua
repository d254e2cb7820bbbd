-- Ends reservations that nobody claimed in time, arrivals that nobody came for, and sessions whose client stayed away,
-- the oldest first.
--
-- ARGV  3 how many of each at the most
-- Returns per ended session: sessionId, record, connectionId
-- Keeps: an unclaimed slot is free again within its time plus one sweep.

local out = {}
local function expire(key, state, reason)
  take_due(key, state, tonumber(ARGV[3]), function(session)
    end_and_tell(out, session, reason)
  end)
end
expire(KEYS[7], 'reserved', 'reservation_expired')
expire(KEYS[16], 'arriving', 'move_failed')
expire(KEYS[15], 'disconnected', 'reconnect_expired')
finish()
return out
