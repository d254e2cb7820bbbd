-- Ends reservations that nobody claimed in time, the oldest first.
--
-- ARGV  3 how many at the most
-- Returns per ended session: sessionId, record, connectionId
-- Keeps: an unclaimed slot is free again within its time plus one sweep.

-- Most names that are due were claimed or ended long ago: one call strikes off about this many of them.
local MAX_STRUCK = 8000

local wanted, struck = tonumber(ARGV[3]), 0
local out = {}
while wanted > 0 and struck < MAX_STRUCK do
  local due = redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', now, 'LIMIT', 0, math.min(wanted, MAX_VALUES))
  if #due == 0 then
    break
  end
  load_sessions(due)
  for _, id in ipairs(due) do
    local session = sessions[id]
    if session and session.state == 'reserved' then
      tell_ended(out, session, end_session(session, 'reservation_expired'))
      wanted = wanted - 1
    else
      struck = struck + 1
    end
  end
  redis.call('ZREMRANGEBYRANK', KEYS[7], 0, #due - 1)
end
commit()
return out
