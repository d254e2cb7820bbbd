-- Ends sessions that the store may have lost: one that it does not know gets the record of its end, so that a host that still has
-- the session has to end it.
--
-- Arguments
--   caller_id  the calling broker
-- Lists
--   session_ids
--   epochs
--   host_ids
--   reasons
-- Returns per session that this call ended or recorded: sessionId, record, connectionId
-- Invariants: a session with a higher epoch stays; an end that is recorded stays as it is; an offer is not ended.

load_sessions(session_ids)

local reply = {}
for i, id in ipairs(session_ids) do
  local session, epoch = sessions[id], tonumber(epochs[i])
  if not session then
    session = new_session(id, epoch, 'ended', '', '')
    session.reason, session.host, session.due_at = reasons[i], host_ids[i], now_ms + ENDED_KEPT_MS
    change_session(session)
    add_ended(reply, session, load_host(host_ids[i]))
  elseif session.epoch <= epoch and session.state ~= 'ended' and session.state ~= 'offered' then
    end_and_add(reply, session, reasons[i])
  end
end
commit_and_serve_queue()
return reply
