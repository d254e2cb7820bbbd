-- Makes an offer a reservation, under a new epoch.
--
-- ARGV  3 sessionId  4 epoch of the offer  5 new epoch  6 milliseconds a reservation lasts
-- Returns record and connectionId of the host, or nothing when there is no such offer
-- Keeps: an offer becomes one reservation, however often it is accepted.

local session = load_session(ARGV[3])
local to_epoch = tonumber(ARGV[5])
local host = session and load_host(session.host)
if not host then
  return false
end
if session.state == 'offered' and session.epoch == tonumber(ARGV[4]) then
  session.epoch, session.state, session.broker = to_epoch, 'reserved', caller
  session.reserved_at, session.due_at = now, now + tonumber(ARGV[6])
  change_session(session)
  forget_waiting(session.id)
  post(broker_of(host.connection), session.id)
  commit()
elseif session.epoch ~= to_epoch or session.state == 'offered' or session.state == 'ended' then
  return false
end
return { encode_session(session), host.connection }
