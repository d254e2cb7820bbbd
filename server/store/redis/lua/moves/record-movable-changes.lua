-- Notes which sessions may be moved, as their hosts say.
--
-- ARGV  3... per session: sessionId, epoch, hostId, 1 or 0
-- Keeps: only the session's present host says so of its present epoch.

local ids = {}
for i = 3, #ARGV, 4 do
  ids[#ids + 1] = ARGV[i]
end
load_sessions(ids)
for i = 3, #ARGV, 4 do
  local session, movable = sessions[ARGV[i]], ARGV[i + 3] == '1'
  if session and is_live(session.state) and session.host == ARGV[i + 2] and session.epoch == tonumber(ARGV[i + 1])
    and session.movable ~= movable then
    session.movable = movable
    change_session(session)
  end
end
commit()
return 'ok'
