-- Ends reservations that were not claimed in time, target reservations of moves that took too long, and sessions whose client did
-- not return, the oldest first.
--
-- Arguments
--   caller_id  the calling broker
--   limit      how many of each at most
-- Returns per ended session: sessionId, record, connectionId
-- Invariant: an unclaimed slot is free again within its time plus one sweep.

local reply = {}

local function expire(key, state, reason)
  take_due(key, state, limit, function(session)
    end_and_add(reply, session, reason)
  end)
end

expire(reserved_key, 'reserved', 'reservation_expired')
expire(arriving_key, 'arriving', 'move_failed')
expire(disconnected_key, 'disconnected', 'reconnect_expired')
commit_and_serve_queue()
return reply
