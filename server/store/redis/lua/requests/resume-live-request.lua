-- Gives the session of the player's live request to another request, if that is still the expected session.
--
-- Keys
--   requests        the player's requests
-- Arguments
--   request_id           of the request that gets the session
--   expected_session_id
--   expected_epoch       counts only with raise_epoch
--   raise_epoch          whether the request starts a new attempt
-- Returns none when nothing is live; resumed|state|requestId|sessionId|epoch|region|pool|ageMs|replacedBy; repeat and the same when the
--   request is remembered; live and the same of the live one when that has another session, or is at another epoch with raise_epoch
-- Invariants: a player has one live request; of several callers the last one has the session; the session keeps its epochs; a
--   session that is not tried again keeps its age.

local live, remembered = read_requests(requests_key)
local known = find_line(live, request_id) or find_line(remembered, request_id)
if known then
  local _, known_session_id = decode_line(known)
  if known == live and known_session_id == expected_session_id then
    -- The same call before, whose answer was lost.
    return 'resumed|' .. describe_line(live, live)
  end
  return 'repeat|' .. describe_line(known, live)
end
if live == '' then
  return 'none'
end
local live_id, session_id, epoch, allocated, region_pool, recorded_at = decode_line(live)
if session_id ~= expected_session_id or (raise_epoch and epoch ~= expected_epoch) then
  return 'live|' .. describe_line(live, live)
end
local before = encode_line(live_id, session_id, epoch, allocated, region_pool, recorded_at, request_id)
if raise_epoch then
  epoch, recorded_at = math.max(epoch, allocated) + 1, now_ms
end
local resumed = encode_line(request_id, session_id, epoch, allocated, region_pool, recorded_at)
write_requests(requests_key, resumed, before .. remembered, raise_epoch)
return 'resumed|' .. describe_line(resumed, resumed)
