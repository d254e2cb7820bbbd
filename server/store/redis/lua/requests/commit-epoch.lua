-- Gives a request the epoch that was allocated for it, in that region pool.
--
-- Keys
--   requests     the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool  region|pool
--   from_epoch   of the request when the epoch was allocated
--   to_epoch     the allocated one
-- Returns 1 when the request has that epoch now, 0 when it got another one since
-- Invariants: epochs only rise; of two attempts, one succeeds.

local lines = read_lines(requests_key)
local first, after, last = find_line(lines, request_id)
local allocated = 0
if first then
  local known_session_id, epoch, known_allocated, known_pool = decode_line(lines, after, last)
  if epoch ~= from_epoch then
    return epoch == to_epoch and known_pool == region_pool and 1 or 0
  end
  session_id, allocated = known_session_id, known_allocated
  lines = without_line(lines, first, last)
end
prepend_request(requests_key, lines, request_id, session_id, to_epoch, allocated, region_pool)
return 1
