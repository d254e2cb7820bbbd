-- Reads the records of requests.
--
-- Keys (lists)
--   requests     each player's requests
-- Lists
--   request_ids
-- Returns per request: sessionId|epoch|region|pool|ageMs; empty when it is not remembered
-- Invariant: nothing is written.

local reply = {}
for i, key in ipairs(requests_keys) do
  local lines = read_lines(key)
  local first, after, last = find_line(lines, request_ids[i])
  reply[i] = ''
  if first then
    local session_id, epoch, _, region_pool, recorded_at = decode_line(lines, after, last)
    reply[i] = session_id .. '|' .. epoch .. '|' .. region_pool .. '|' .. (now_ms - recorded_at)
  end
end
return reply
