-- Gives the session of the player's live request to another request, if the live one is still the expected one.
--
-- Keys
--   requests        the player's requests
-- Arguments
--   request_id      of the request that gets the session
--   expected_id     request id of the live one
--   expected_epoch  its epoch
--   raise_epoch     whether the request starts a new attempt
-- Returns none when nothing is live; resumed|state|requestId|sessionId|epoch|region|pool|ageMs; repeat and the same when the
--   request is remembered; live and the same of the live one when that is another
-- Invariants: a player has one live request; of several callers that expect the same, one succeeds; the session keeps its
--   epochs; a session that is not tried again keeps its age.

local live, remembered = read_requests(requests_key)
local known = find_line(live, request_id) or find_line(remembered, request_id)
if known then
  local before = find_line(remembered, expected_id)
  if known == live and before then
    local _, live_session_id = decode_line(live)
    local _, session_id, _, _, _, _, mark = decode_line(before)
    if mark == '!' and session_id == live_session_id then
      -- The same call before, whose answer was lost.
      return 'resumed|' .. describe_line(live, live)
    end
  end
  return 'repeat|' .. describe_line(known, live)
end
if live == '' then
  return 'none'
end
local live_id, session_id, epoch, allocated, region_pool, recorded_at = decode_line(live)
if live_id ~= expected_id or epoch ~= expected_epoch then
  return 'live|' .. describe_line(live, live)
end
local before = encode_line(live_id, session_id, epoch, allocated, region_pool, recorded_at, '!')
if raise_epoch then
  epoch, recorded_at = math.max(epoch, allocated) + 1, now_ms
end
local resumed = encode_line(request_id, session_id, epoch, allocated, region_pool, recorded_at)
write_requests(requests_key, resumed, before .. remembered, raise_epoch)
return 'resumed|' .. describe_line(resumed, resumed)
