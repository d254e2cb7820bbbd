-- Gives a request the epoch that was allocated for it, in that region pool. The request is the live one then.
--
-- Keys
--   requests     the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool  region|pool
--   from_epoch   of the request when the epoch was allocated
--   to_epoch     the allocated one
-- Returns 1 when the request has that epoch now; 0 when it got another one since, another request is live, or this one was
--   replaced
-- Invariants: epochs only rise; of two attempts, one succeeds; a player has one live request.

local live, remembered = read_requests(requests_key)
local line = find_session_line(live, remembered, request_id, session_id)
local allocated = 0
if line then
  local known_id, known_session_id, epoch, known_allocated, known_pool, _, mark = decode_line(line)
  if mark == '!' then
    return 0
  end
  if epoch ~= from_epoch then
    return epoch == to_epoch and known_pool == region_pool and 1 or 0
  end
  request_id, session_id, allocated = known_id, known_session_id, known_allocated
end
if live ~= '' and line ~= live then
  return 0
end
if line and line ~= live then
  remembered = replace_line(remembered, line, '')
end
local committed = encode_line(request_id, session_id, to_epoch, allocated, region_pool, now_ms)
write_requests(requests_key, committed, remembered, true)
return 1
