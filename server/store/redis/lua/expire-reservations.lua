-- Ends reservations that nobody claimed in time, the oldest first.
--
-- ARGV  3 how many at the most
-- Returns per ended session: sessionId, record, connectionId
-- Keeps: an unclaimed slot is free again within its time plus one sweep.

-- One call strikes off at most this many names, of which most were claimed or ended long ago.
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
      local host = end_session(session, 'reservation_expired')
      tell_ended(out, session, host)
      wanted = wanted - 1
    end
  end
  struck = struck + #due
  redis.call('ZREMRANGEBYRANK', KEYS[7], 0, #due - 1)
end
commit()
return out
