-- Records a request in place of the player's live one, if that is still the expected one.
--
-- Keys
--   requests        the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool     region|pool
--   expected_id     request id of the live one
--   expected_epoch  its epoch
-- Returns new when nothing was live; replaced|epoch with an epoch above all of the expected one;
--   repeat|state|requestId|sessionId|epoch|region|pool|ageMs when the request is remembered; live and the same of the live one when
--   that is another
-- Invariants: a player has one live request; of several callers that expect the same, one succeeds; no broker can continue the
--   request that was replaced.

local live, remembered = read_requests(requests_key)
local known = find_line(live, request_id) or find_line(remembered, request_id)
if known then
  local _, known_session_id = decode_line(known)
  if known ~= live or known_session_id ~= session_id then
    return 'repeat|' .. describe_line(known, live)
  end
  -- The same call before, whose answer was lost.
  local before = find_line(remembered, expected_id)
  if before then
    local _, _, epoch, _, _, _, mark = decode_line(before)
    return mark == '!' and 'replaced|' .. epoch or 'new'
  end
  return 'new'
end
local added = encode_line(request_id, session_id, 1, 0, region_pool, now_ms)
if live == '' then
  write_requests(requests_key, added, remembered, true)
  return 'new'
end
local live_id, live_session_id, epoch, allocated, live_pool, recorded_at = decode_line(live)
if live_id ~= expected_id or epoch ~= expected_epoch then
  return 'live|' .. describe_line(live, live)
end
epoch = math.max(epoch, allocated) + 1
local before = encode_line(live_id, live_session_id, epoch, allocated, live_pool, recorded_at, '!')
write_requests(requests_key, added, before .. remembered, true)
return 'replaced|' .. epoch
