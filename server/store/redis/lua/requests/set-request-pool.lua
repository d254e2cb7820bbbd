-- Records the region pool in which a request was placed.
--
-- Keys
--   requests     the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool  region|pool
-- Invariant: a request that was given to another attempt or deleted meanwhile stays as it is.

local live, remembered = read_requests(requests_key)
local line = find_session_line(live, remembered, request_id, session_id)
if line then
  local known_id, known_session_id, epoch, allocated, _, recorded_at, mark = decode_line(line)
  if known_session_id == session_id then
    local changed = encode_line(known_id, session_id, epoch, allocated, region_pool, recorded_at, mark)
    if line == live then
      write_requests(requests_key, changed, remembered, false)
    else
      write_requests(requests_key, live, replace_line(remembered, line, changed), false)
    end
  end
end
return 'ok'
