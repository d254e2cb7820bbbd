-- Ends live requests whose sessions have ended.
--
-- Keys (lists)
--   requests     each player's requests
-- Lists
--   session_ids
--   epochs       at which the session ended
-- Returns per session: 1 when its request was live, 0 otherwise
-- Invariant: a request with another session, or with an attempt of a higher epoch, stays live.

-- No line is longer. The others need not be read: only the mark before the first line changes.
local LINE_BYTES = 512

local reply = {}
for i, key in ipairs(requests_keys) do
  local first_line = redis.call('GETRANGE', key, 0, LINE_BYTES)
  local session_id, epoch = string.match(first_line, '^1#[^|]*|([^|]*)|(%d+)|')
  local is_live = session_id == session_ids[i] and tonumber(epoch) <= tonumber(epochs[i])
  reply[i] = is_live and (is_kept(first_line) or is_kept(redis.call('GET', key))) and 1 or 0
  if reply[i] == 1 then
    redis.call('SETRANGE', key, 0, '0')
  end
end
return reply
