-- Replies about ended sessions: sessionId, record, connectionId of the host or ''.

local function add_ended(reply, session, host)
  local n = #reply
  reply[n + 1] = session.id
  reply[n + 2] = encode_session(session)
  reply[n + 3] = host and host.connection or ''
end

-- Ends a session, and adds it to the reply if it was no offer.
local function end_and_add(reply, session, reason)
  local host, ended = end_session(session, reason)
  if ended then
    add_ended(reply, session, host)
  end
end
