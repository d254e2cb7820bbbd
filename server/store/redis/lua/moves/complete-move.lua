-- A session that moves here has arrived: its client was let in by the host; or it is a reservation that nobody has claimed.
--
-- ARGV  3 sessionId  4 arrivalId  5 epoch  6 hostId  7 state  8 milliseconds a reservation lasts
--       9 the broker of its client, for a session that comes from another place
-- Returns arrived, record | over, reason | unknown, ''
-- Keeps: of a move that is given up and one that arrives, one happens; epochs only rise; a reservation that was claimed
--   meanwhile is none any more.

local id, epoch = ARGV[3], tonumber(ARGV[5])
load_sessions({ id, ARGV[4] })
local arrival, known = sessions[ARGV[4]], sessions[id]
if not arrival or arrival.epoch ~= epoch or arrival.host ~= ARGV[6] then
  return { 'unknown', '' }
end
if arrival.state == 'ended' then
  return { 'over', arrival.reason }
end
if ARGV[7] == 'reserved' and known and is_live(known.state) and known.state ~= 'reserved' then
  return { 'unknown', '' }
end
local outdated = known and known.epoch >= epoch
if outdated or arrival.due_at <= now then
  local reason = outdated and 'superseded' or 'move_failed'
  end_session(arrival, reason)
  finish()
  return { 'over', reason }
end
forget_waiting(id)
local session = settle(id, arrival, known, ARGV[7], tonumber(ARGV[8]), ARGV[9])
finish()
return { 'arrived', encode_session(session) }
