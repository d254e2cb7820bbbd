-- Records the broker that the client of a live session is connected to now, and notes it for the broker before.
--
-- Arguments
--   caller_id         the calling broker
--   session_id
--   client_broker_id
-- Returns the record, or nothing when the session is unknown

local session = load_session(session_id)
if not session then
  return false
end
if session.state ~= 'ended' then
  if session.broker ~= client_broker_id then
    record_change(session.broker, session.id)
  end
  set_client_broker(session, client_broker_id)
  commit()
end
return encode_session(session)
