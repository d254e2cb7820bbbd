-- Takes placements out of the queue, and gives back what was offered to them.
--
-- ARGV  3 revocable reasons, comma after each  4... per placement: sessionId, epoch below which a session ends too
-- Returns per session that ended: sessionId, record, connectionId

local out = {}
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  forget_waiting(id)
  local session = load_session(id)
  if session and session.state == 'offered' then
    take_back(session)
  elseif session and session.epoch < tonumber(ARGV[i + 1]) then
    if is_live(session.state) then
      end_and_tell(out, session, 'superseded')
    elseif string.find(ARGV[3], session.reason .. ',', 1, true) then
      session.reason = 'superseded'
      change_session(session)
    end
  end
end
finish()
return out
