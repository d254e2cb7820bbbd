-- Records requests of players who have no live request.
--
-- Keys (lists)
--   requests      each player's requests
-- Lists
--   request_ids
--   session_ids
--   region_pools  region|pool
-- Returns per request: new; repeat|state|requestId|sessionId|epoch|region|pool|ageMs when it is remembered; live and the same of
--   the live one when another is live
-- Invariants: a player has one live request; one request becomes one session.

local reply = {}
for i, key in ipairs(requests_keys) do
  local live, remembered = read_requests(key)
  local request_id = request_ids[i]
  local line = find_line(live, request_id) or find_line(remembered, request_id)
  if line then
    reply[i] = 'repeat|' .. describe_line(line, live)
  elseif live ~= '' then
    reply[i] = 'live|' .. describe_line(live, live)
  else
    local added = encode_line(request_id, session_ids[i], 1, 0, region_pools[i], now_ms)
    write_requests(key, added, remembered, true)
    reply[i] = 'new'
  end
end
return reply
