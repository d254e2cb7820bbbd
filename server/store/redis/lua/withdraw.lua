-- Takes placements out of the queue, and gives back what was offered to them.
--
-- ARGV  3... per placement: sessionId, epoch below which a reservation ends too
-- Returns per reservation that ended: sessionId, record, connectionId

local out = {}
for i = 3, #ARGV, 2 do
  local id = ARGV[i]
  forget_waiting(id)
  local session = load_session(id)
  if session and session.state == 'offered' then
    take_back(session)
  elseif session and session.state == 'reserved' and session.epoch < tonumber(ARGV[i + 1]) then
    end_and_tell(out, session, 'superseded')
  end
end
finish()
return out
