-- Turns an offer into a reservation, under a new epoch.
--
-- Arguments
--   caller_id       the calling broker, which is the client's
--   session_id
--   from_epoch      of the offer
--   to_epoch
--   reservation_ms  how long a reservation lasts
-- Returns record and connectionId of the host, or nothing when there is no such offer
-- Invariant: an offer becomes one reservation, however often it is accepted.

local session = load_session(session_id)
local host = session and load_host(session.host)
if not host then
  return false
end
if session.state == 'offered' and session.epoch == from_epoch then
  session.epoch, session.state, session.broker = to_epoch, 'reserved', caller_id
  session.reserved_at, session.due_at = now_ms, now_ms + reservation_ms
  change_session(session)
  delete_waiting(session.id)
  record_change(broker_of(host.connection), session.id)
  commit()
elseif session.epoch ~= to_epoch or session.state == 'offered' or session.state == 'ended' then
  return false
end
return { encode_session(session), host.connection }
