-- Gives sessions that were adopted from a host's report back what the store has lost: the client's broker and the meta.
--
-- Lists
--   session_ids
--   epochs
--   broker_ids   of the clients
--   metas
-- Returns per session one text: = record | ? unknown
-- Invariant: what the store knows is not overwritten, nor given to another assignment.

load_sessions(session_ids)

local reply = {}
for i, id in ipairs(session_ids) do
  local session = sessions[id]
  if not session then
    reply[i] = '?'
  else
    if is_live(session.state) and session.meta == '' and session.epoch == tonumber(epochs[i]) then
      session.broker, session.meta = broker_ids[i], metas[i]
      change_session(session)
    end
    reply[i] = '=' .. encode_session(session)
  end
end
commit()
return reply
