-- Lists the live sessions of a host, in the order of their ids.
--
-- Arguments
--   host_id
-- Returns per session: sessionId, record

local host = load_host(host_id)
local reply = {}
for _, session in ipairs(host and live_sessions_of(host) or {}) do
  reply[#reply + 1] = session.id
  reply[#reply + 1] = encode_session(session)
end
return reply
