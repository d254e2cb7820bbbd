-- Takes the places of those who are gone.
--
-- ARGV  3 milliseconds that a place is kept unattended  4 how many at the most
-- Returns per session that ended: sessionId, record, connectionId
-- Keeps: everybody's wait ends; what ended here has no host.

local out = {}
local limit = tonumber(ARGV[4])

-- A placement that nobody attended ends. Returns whether one did.
local function lapse(id)
  local waiting, session = load_waiting(id), load_session(id)
  forget_waiting(id)
  if not waiting or (session and is_live(session.state)) then
    return false
  end
  local lapsed = new_session(id, waiting.epoch, 'ended', waiting.broker, waiting.meta)
  lapsed.reason, lapsed.due_at = 'reconnect_expired', forget_at
  sessions[id] = lapsed
  change_session(lapsed)
  post(lapsed.broker, id)
  tell_ended(out, lapsed, nil)
  return true
end

-- Offers have a time of their own: their placements are passed over.
local lapsed, passed = 0, 0
while lapsed < limit do
  local ids = redis.call('ZRANGEBYSCORE', KEYS[13], '-inf', now - ARGV[3], 'LIMIT', passed, limit)
  if #ids == 0 then
    break
  end
  for _, id in ipairs(ids) do
    local session = load_session(id)
    if session and session.state == 'offered' then
      passed = passed + 1
    elseif lapsed < limit and lapse(id) then
      lapsed = lapsed + 1
    end
  end
end
finish()
return out
