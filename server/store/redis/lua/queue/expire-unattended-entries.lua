-- Ends waiting entries for which no broker has polled for too long.
--
-- Arguments
--   caller_id  the calling broker
--   grace_ms   how long an unattended entry is kept
--   limit      how many at most
-- Returns per session that ended: sessionId, record, connectionId
-- Invariants: every wait ends; a session that ends here has no host.

local reply, expired = {}, 0

-- Ends an entry that has no live session, and counts it. Takes it out of the queue in any case.
local function expire(id)
  local waiting, session = load_waiting(id), load_session(id)
  delete_waiting(id)
  if not waiting or (session and is_live(session.state)) then
    return
  end
  local ended = new_session(id, waiting.epoch, 'ended', waiting.broker, waiting.meta)
  ended.reason, ended.due_at = 'reconnect_expired', now_ms + ENDED_KEPT_MS
  change_session(ended)
  record_change(ended.broker, id)
  add_ended(reply, ended, nil)
  expired = expired + 1
end

-- Entries with an offer stay: the offer ends by itself.
local passed = 0
while expired < limit do
  local ids = redis.call('ZRANGEBYSCORE', attended_key, '-inf', now_ms - grace_ms, 'LIMIT', passed, limit)
  if #ids == 0 then
    break
  end
  for _, id in ipairs(ids) do
    local session = load_session(id)
    if session and session.state == 'offered' then
      passed = passed + 1
    elseif expired < limit then
      expire(id)
    end
  end
end
commit_and_serve_queue()
return reply
