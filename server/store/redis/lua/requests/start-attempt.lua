-- Starts a new attempt of a request, with another assignment, in that region pool. The request is the live one then.
--
-- Keys
--   requests     the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool  region|pool
--   from_epoch   the epoch that the request has to have
--   or_later     whether it may have a later one
-- Returns the new epoch, above the given one and all that were allocated; or 0 when another broker started an attempt first,
--   another request is live or has the session, or this one was replaced
-- Invariants: epochs only rise, and none is given twice; of two brokers that start an attempt from one epoch, one succeeds; a player has one
--   live request.

local live, remembered = read_requests(requests_key)
local line = find_line(live, request_id)
if not line and live ~= '' then
  return 0
end
line = line or find_session_line('', remembered, request_id, session_id)
local allocated = 0
if line then
  local known_id, known_session_id, epoch, known_allocated, _, _, replaced_by = decode_line(line)
  local is_from = epoch == from_epoch or (or_later and epoch > from_epoch)
  if known_id ~= request_id or not is_from or replaced_by ~= '' then
    return 0
  end
  session_id, allocated, from_epoch = known_session_id, known_allocated, epoch
  remembered = line == live and remembered or replace_line(remembered, line, '')
end
local epoch = math.max(from_epoch, allocated) + 1
local attempt = encode_line(request_id, session_id, epoch, allocated, region_pool, now_ms)
write_requests(requests_key, attempt, remembered, true)
return epoch
