-- Notes which broker the client of a live session is on now, and tells the one before.
--
-- ARGV  3 sessionId  4 clientBrokerId
-- Returns the record, or nothing when the session is unknown

local session = load_session(ARGV[3])
if not session then
  return false
end
if session.state ~= 'ended' then
  if session.broker ~= ARGV[4] then
    post(session.broker, session.id)
  end
  move_to(session, ARGV[4])
  commit()
end
return encode_session(session)
