-- Records the region pool in which a request was placed.
--
-- Keys
--   requests     the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool  region|pool
-- Invariant: a request that was given to another attempt or deleted meanwhile stays as it is.

local lines = read_lines(requests_key)
local first, after, last = find_line(lines, request_id)
if first then
  local known_session_id, epoch, allocated, _, recorded_at = decode_line(lines, after, last)
  if known_session_id == session_id then
    local line = encode_line(request_id, session_id, epoch, allocated, region_pool, recorded_at)
    replace_line(requests_key, lines, first, last, line)
  end
end
return 'ok'
