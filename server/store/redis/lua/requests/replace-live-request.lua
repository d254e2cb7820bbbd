-- Records a request in place of the player's live one.
--
-- Keys
--   requests        the player's requests
-- Arguments
--   request_id
--   session_id
--   region_pool     region|pool
--   expected_session_id  replaces only a request with this session, '' to replace any
--   expected_epoch       and at this epoch
-- Returns new when nothing was live; replaced|state|requestId|sessionId|epoch|region|pool|ageMs|replacedBy of the one that was replaced, with
--   an epoch above all of it; repeat and the same when the request is remembered; live and the same of the live one when that is not
--   the expected one
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
  local before = find_replaced_line(remembered, request_id)
  return before and 'replaced|' .. describe_line(before, live) or 'new'
end
local added = encode_line(request_id, session_id, 1, 0, region_pool, now_ms)
if live == '' then
  write_requests(requests_key, added, remembered, true)
  return 'new'
end
local live_id, live_session_id, epoch, allocated, live_pool, recorded_at = decode_line(live)
if expected_session_id ~= '' and (live_session_id ~= expected_session_id or epoch ~= expected_epoch) then
  return 'live|' .. describe_line(live, live)
end
epoch = math.max(epoch, allocated) + 1
local before = encode_line(live_id, live_session_id, epoch, allocated, live_pool, recorded_at, request_id)
write_requests(requests_key, added, before .. remembered, true)
return 'replaced|' .. describe_line(before, added)
