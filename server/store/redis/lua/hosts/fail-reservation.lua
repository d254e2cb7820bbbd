-- Ends a session that its host failed before any client claimed it, and excludes the host from placement for a while.
--
-- Arguments
--   caller_id   the calling broker
--   host_id
--   session_id
--   epoch
--   reason      why it counts as a failure
-- Returns not_reserved, or failed, the failures of the host as stored ('' when this one was counted before), then of the session:
--   sessionId, record, connectionId
-- Invariants: only a reservation of that epoch on that host ends; the freed slot is not given away while the host is excluded; failures
--   of sessions that were reserved together count once.

local session, host = load_session(session_id), load_host(host_id)
if not host or not session or session.state ~= 'reserved' or session.host ~= host_id or session.epoch ~= epoch then
  serve_queue()
  return { 'not_reserved' }
end

local reply = { 'failed', count_failure(host_id, host, reason, session.reserved_at) }
end_and_add(reply, session, 'host_lost')
-- A host that refuses every session must not hold up the queue: the player returns to the old position there.
redis.call('ZREM', lost_key, session_id)
commit_and_serve_queue()
return reply
