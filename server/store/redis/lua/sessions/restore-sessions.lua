-- Gives sessions that were adopted from their host's report back what the store has lost about them: whose they are.
--
-- ARGV  3... per session: sessionId, epoch, clientBrokerId, meta
-- Returns per session one text: = record | ? unknown
-- Keeps: what is known is not overwritten, nor given to another assignment.

local ids, reply = {}, {}
for i = 3, #ARGV, 4 do
  ids[#ids + 1] = ARGV[i]
end
load_sessions(ids)
for i, id in ipairs(ids) do
  local session, at = sessions[id], i * 4 - 1
  if not session then
    reply[i] = '?'
  else
    if is_live(session.state) and session.meta == '' and session.epoch == tonumber(ARGV[at + 1]) then
      session.broker, session.meta = ARGV[at + 2], ARGV[at + 3]
      change_session(session)
    end
    reply[i] = '=' .. encode_session(session)
  end
end
commit()
return reply
