-- Records players' requests; the first of equal ones is new, the others get its record.
--
-- Keys (lists)
--   requests      each player's requests
-- Lists
--   request_ids
--   session_ids
--   region_pools  region|pool
-- Returns per request: new, with |requestId|sessionId|epoch|region|pool|ageMs of the player's newest other request;
--   or sessionId|epoch|region|pool|ageMs
-- Invariant: one request of a player becomes one session.

-- What the reply says of the newest request among a player's lines, or nil.
local function describe_newest(lines)
  local ids, epoch, region_pool, recorded_at = string.match(lines, '^#([^|]*|[^|]*)|(%d+)|%d+|([^\n]*)|(%d+)\n')
  return ids and ids .. '|' .. epoch .. '|' .. region_pool .. '|' .. (now_ms - recorded_at)
end

local reply = {}
for i, key in ipairs(requests_keys) do
  local lines = read_lines(key)
  local first, after, last = find_line(lines, request_ids[i])
  if first then
    local session_id, epoch, _, region_pool, recorded_at = decode_line(lines, after, last)
    reply[i] = session_id .. '|' .. epoch .. '|' .. region_pool .. '|' .. (now_ms - recorded_at)
  else
    prepend_request(key, lines, request_ids[i], session_ids[i], 1, 0, region_pools[i])
    local newest = describe_newest(lines)
    reply[i] = newest and 'new|' .. newest or 'new'
  end
end
return reply
