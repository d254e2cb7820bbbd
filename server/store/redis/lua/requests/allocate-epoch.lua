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
-- Invariants: no epoch is allocated twice; the request keeps its epoch, region pool and age.

local lines = read_lines(requests_key)
local first, after, last = find_line(lines, request_id)
if not first then
  prepend_request(requests_key, lines, request_id, session_id, above_epoch, above_epoch + 1, region_pool)
  return { tostring(above_epoch + 1), tostring(above_epoch) }
end
local known_session_id, epoch, allocated, known_pool, recorded_at = decode_line(lines, after, last)
allocated = math.max(above_epoch, epoch, allocated) + 1
local line = encode_line(request_id, known_session_id, epoch, allocated, known_pool, recorded_at)
replace_line(requests_key, lines, first, last, line)
return { tostring(allocated), tostring(epoch) }
