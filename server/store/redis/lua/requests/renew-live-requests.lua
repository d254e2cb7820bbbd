-- Makes requests live again whose sessions came back after their end.
--
-- Keys (lists)
--   requests      each player's requests
-- Lists
--   session_ids
--   epochs        of the sessions
--   region_pools  region|pool
-- Returns per session: live; placed_again when a later attempt of its request is live; replaced when another request is live or has
--   replaced it; unknown
-- Invariants: a player has one live request; the next attempt gets an epoch above all that were given.

-- What became of the session's request. Writes it when it is to be live again.
local function renew(i)
  local key, session_id, session_epoch = requests_keys[i], session_ids[i], tonumber(epochs[i])
  local live, remembered = read_requests(key)
  if live ~= '' then
    local _, live_session_id, live_epoch = decode_line(live)
    if live_session_id ~= session_id then
      return 'replaced'
    end
    return live_epoch > session_epoch and 'placed_again' or 'live'
  end
  local line = find_session_line('', remembered, '', session_id)
  if not line then
    return 'unknown'
  end
  local request_id, _, epoch, allocated, _, recorded_at, replaced_by = decode_line(line)
  if replaced_by ~= '' then
    return 'replaced'
  end
  local highest = math.max(epoch, allocated)
  local renewed = encode_line(request_id, session_id, session_epoch, highest, region_pools[i], recorded_at)
  write_requests(key, renewed, replace_line(remembered, line, ''), false)
  return 'live'
end

local reply = {}
for i in ipairs(requests_keys) do
  reply[i] = renew(i)
end
return reply
