-- Allocates the epoch of an attempt to move the session of a request.
--
-- Keys
--   requests     the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool  region|pool, for a request that is not recorded
--   above_epoch  the epoch has to be higher than this
-- Returns the epoch, and the one that the request has
-- Invariants: no epoch is allocated twice; the request keeps its epoch, region pool and age; a player has one live request.

local live, remembered = read_requests(requests_key)
local line = find_session_line(live, remembered, request_id, session_id)
if not line then
  local added = encode_line(request_id, session_id, above_epoch, above_epoch + 1, region_pool, now_ms)
  if live == '' then
    live = added
  else
    remembered = added .. remembered
  end
  write_requests(requests_key, live, remembered, true)
  return { tostring(above_epoch + 1), tostring(above_epoch) }
end
local known_id, known_session_id, epoch, allocated, known_pool, recorded_at, mark = decode_line(line)
allocated = math.max(above_epoch, epoch, allocated) + 1
local changed = encode_line(known_id, known_session_id, epoch, allocated, known_pool, recorded_at, mark)
if line == live then
  live = changed
else
  remembered = replace_line(remembered, line, changed)
end
write_requests(requests_key, live, remembered, false)
return { tostring(allocated), tostring(epoch) }
