-- Starts a new attempt of a request, with another assignment, in that region pool.
--
-- Keys
--   requests     the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool  region|pool
--   from_epoch   the epoch that the request has to have
-- Returns the new epoch, above the given one and all that were allocated, or 0 when another broker started an attempt first
-- Invariants: epochs only rise, and none is given twice; of two brokers that start an attempt, one succeeds.

local lines = read_lines(requests_key)
local first, after, last = find_line(lines, request_id)
local allocated = 0
if first then
  local known_session_id, epoch, known_allocated = decode_line(lines, after, last)
  if epoch ~= from_epoch then
    return 0
  end
  session_id, allocated = known_session_id, known_allocated
  lines = without_line(lines, first, last)
end
local epoch = math.max(from_epoch, allocated) + 1
prepend_request(requests_key, lines, request_id, session_id, epoch, allocated, region_pool)
return epoch
