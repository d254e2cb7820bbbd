-- Completes a move to this region pool: the host admitted the client, or no client has claimed the session yet. The target reservation
-- becomes the session.
--
-- Arguments
--   caller_id         the calling broker
--   session_id
--   reservation_id    of the target reservation
--   epoch
--   host_id
--   state             of the session on the target host
--   reservation_ms    how long a reservation lasts
--   client_broker_id  the broker of its client, for a session from another region pool
--   seq               of the session before the move
-- Returns arrived, record | over, reason | unknown, ''
-- Invariants: a move is completed or given up, not both; epochs only rise; a reservation that was claimed meanwhile is not moved.

load_sessions({ session_id, reservation_id })
local reservation, known = sessions[reservation_id], sessions[session_id]

-- Turns the target reservation into the session, under its epoch. The slot that the session had in this region pool is freed.
local function move_session()
  local host = load_host(reservation.host)
  delete_session(reservation)
  if state ~= 'reserved' then
    redis.call('HDEL', failures_key, host.id)
  end
  local session = known
  if not known then
    session = new_session(session_id, epoch, state, client_broker_id, reservation.meta)
  elseif is_live(known.state) then
    release_slot(known)
  end
  session.host, session.slot, session.epoch, session.meta = host.id, reservation.slot, epoch, reservation.meta
  session.reserved_at, session.reason, session.movable = reservation.reserved_at, '', false
  session.due_at = state == 'disconnected' and now_ms + RESUME_WINDOW_MS or state == 'reserved' and now_ms + reservation_ms or 0
  session.state, session.seq = state, math.max(session.seq, seq)
  -- It becomes due anew, whatever its state was before.
  session.stored_state = false
  members[#members + 1] = host.id .. '/' .. session.slot
  members[#members + 1] = session_id
  host.digest = bit.bxor(host.digest, digest_of(session_id, epoch, state))
  change_host(host)
  change_session(session)
  record_change(session.broker, session_id)
  record_change(broker_of(host.connection), session_id)
  return session
end

if not reservation or reservation.epoch ~= epoch or reservation.host ~= host_id then
  serve_queue()
  return { 'unknown', '' }
end
if reservation.state == 'ended' then
  serve_queue()
  return { 'over', reservation.reason }
end
if state == 'reserved' and known and is_live(known.state) and known.state ~= 'reserved' then
  serve_queue()
  return { 'unknown', '' }
end
local outdated = known and known.epoch >= epoch
if outdated or reservation.due_at <= now_ms then
  local reason = outdated and 'superseded' or 'move_failed'
  end_session(reservation, reason)
  commit_and_serve_queue()
  return { 'over', reason }
end
delete_waiting(session_id)
redis.call('ZREM', lost_key, session_id)
local session = move_session()
commit_and_serve_queue()
return { 'arrived', encode_session(session) }
