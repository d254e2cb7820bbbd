-- Deletes the records of sessions that ended long enough ago, and inbox entries that no broker read for INBOX_KEPT_MS.
--
-- Arguments
--   limit  how many sessions at most
-- Returns how many sessions

local deleted = {}
take_due(ended_key, 'ended', limit, function(session)
  deleted[#deleted + 1] = session.id
  sessions[session.id] = false
end)
call_with_values('HDEL', sessions_key, deleted)

local inboxes = redis.call('HGETALL', inbox_key)
for i = 1, #inboxes, 2 do
  local first_at = tonumber(string.match(inboxes[i + 1], '^%d+'))
  if now_ms - first_at > INBOX_KEPT_MS then
    redis.call('HDEL', inbox_key, inboxes[i])
  end
end
return #deleted
