-- Sessions that this call changed.

local changed_sessions = {}

local function change_session(session)
  if not session.changed then
    session.changed = true
    changed_sessions[#changed_sessions + 1] = session
  end
end
