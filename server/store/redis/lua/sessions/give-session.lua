-- Gives a session to a connection of its player, unless this connection has it: see SessionStore.giveSession.
--
-- Arguments
--   caller_id         the calling broker
--   session_id
--   client_broker_id  the broker of the connection
--   held_seq          the number that the connection has got, nil if it does not have the session
--   from_seq          the number that the caller has read, nil to give the session whatever its number is
--   ends_with_host    1 if the session ends when its host is lost, 0 if it does not, nil to leave that as it is
-- Returns the record, or nothing when the session is unknown or has another number than from_seq
-- Invariant: the number of a session only rises, also if the store has lost the one before: hence the time.

local session = load_session(session_id)
if not session or (from_seq and session.seq ~= from_seq) then
  return false
end

-- The meta with the mark behind its texts that sessions have which end with their host: see records.ts.
local function marked_meta()
  local texts = string.gsub(session.meta, ',1%]$', ']')
  return ends_with_host == 1 and string.sub(texts, 1, -2) .. ',1]' or texts
end

local is_other_broker = session.broker ~= client_broker_id
if session.state == 'ended' then
  if is_other_broker and string.find(REVERSIBLE_REASONS, session.reason .. ',', 1, true) then
    set_client_broker(session, client_broker_id)
    commit()
  end
  return encode_session(session)
end
if ends_with_host and session.meta ~= '' and session.state ~= 'offered' then
  session.meta = marked_meta()
  change_session(session)
end
if is_other_broker or session.seq ~= held_seq then
  if is_other_broker then
    record_change(session.broker, session.id)
  end
  session.seq = math.max(session.seq + 1, now_ms)
  set_client_broker(session, client_broker_id)
end
commit()
return encode_session(session)
