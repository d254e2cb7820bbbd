-- Ends live requests whose sessions have ended.
--
-- Keys (lists)
--   requests     each player's requests
-- Lists
--   session_ids
--   epochs       at which the session ended
-- Returns per session: 1 when its request was live, 0 otherwise
-- Invariant: a request with another session, or with an attempt of a higher epoch, stays live.

local reply = {}
for i, key in ipairs(requests_keys) do
  local live, remembered = read_requests(key)
  local _, session_id, epoch = decode_line(live)
  reply[i] = session_id == session_ids[i] and epoch <= tonumber(epochs[i]) and 1 or 0
  if reply[i] == 1 then
    write_requests(key, '', live .. remembered, false)
  end
end
return reply
