-- Recomputes the counters of some hosts from their sessions. A pass that begins also recomputes the totals.
--
-- ARGV  3 cursor of HSCAN, 0 to begin a pass  4 about how many hosts
-- Returns the next cursor (0 when the pass is over) and the hosts that were wrong
-- Keeps: every counter equals the recount of its members.

if ARGV[3] == '0' then
  local slots, sessions_in_all = 0, 0
  for _, text in ipairs(redis.call('HVALS', KEYS[1])) do
    local _, committed, _, own, _, _, _, state, closed = struct.unpack(HOST_FORMAT, text)
    if state == READY and closed == 0 then
      slots = slots + own
    end
    sessions_in_all = sessions_in_all + committed
  end
  redis.call('HSET', KEYS[9], 'slots', slots, 'sessions', sessions_in_all)
end

local function score_in(key, member)
  local score = redis.call('ZSCORE', key, member)
  return score and tonumber(score)
end

local scan = redis.call('HSCAN', KEYS[1], ARGV[3], 'COUNT', ARGV[4])
local repaired = {}
for i = 1, #scan[2], 2 do
  local host = load_host(scan[2][i])
  local found, digest = live_sessions_of(host), 0
  for _, session in ipairs(found) do
    digest = bit.bxor(digest, digest_of(session.id, session.epoch, session.state))
  end
  local wrong = host.committed ~= #found or host.digest ~= digest or not free_slots_fit(host, found)
  if wrong then
    added_sessions = added_sessions + #found - host.committed
    host.committed, host.digest = #found, digest
    name_free_slots(host, found)
  end
  -- commit() compares with what is stored: here that is looked up, not inferred.
  host.stored_score = score_in(KEYS[3], host.id)
  if score_in(KEYS[4], host.id) ~= host.beat_at then
    redis.call('ZADD', KEYS[4], text_of[host.beat_at], host.id)
    wrong = true
  end
  if wrong or host.stored_score ~= free_score(host) then
    change_host(host)
    repaired[#repaired + 1] = host.id
  end
end
finish()
return { scan[1], repaired }
