-- Reads the records of requests.
--
-- Keys (lists)
--   requests     each player's requests
-- Lists
--   request_ids
-- Returns per request: state|requestId|sessionId|epoch|region|pool|ageMs; empty when it is not remembered
-- Invariant: nothing is written.

local reply = {}
for i, key in ipairs(requests_keys) do
  local live, remembered = read_requests(key)
  local line = find_line(live, request_ids[i]) or find_line(remembered, request_ids[i])
  reply[i] = line and describe_line(line, live) or ''
end
return reply
