-- Takes entries out of the queue, and withdraws their offers.
--
-- Arguments
--   caller_id     the calling broker
-- Lists
--   session_ids
--   below_epochs  a session of an older epoch ends too
-- Returns per session that ended: sessionId, record, connectionId

local reply = {}
for i, id in ipairs(session_ids) do
  delete_waiting(id)
  redis.call('ZREM', lost_key, id)
  local session = load_session(id)
  if session and session.state == 'offered' then
    withdraw_offer(session)
  elseif session and session.epoch < tonumber(below_epochs[i]) then
    if is_live(session.state) then
      end_and_add(reply, session, 'superseded')
    elseif string.find(REVERSIBLE_REASONS, session.reason .. ',', 1, true) then
      session.reason = 'superseded'
      change_session(session)
    end
  end
end
commit_and_serve_queue()
return reply
