-- Records which sessions may be moved, as their hosts report.
--
-- Lists
--   session_ids
--   epochs
--   host_ids
--   movable      1 or 0
-- Invariant: only the session's present host reports, for the present epoch.

load_sessions(session_ids)
for i, id in ipairs(session_ids) do
  local session, is_movable = sessions[id], movable[i] == '1'
  if session and is_live(session.state) and session.host == host_ids[i] and session.epoch == tonumber(epochs[i])
    and session.movable ~= is_movable then
    session.movable = is_movable
    change_session(session)
  end
end
commit()
return 'ok'
