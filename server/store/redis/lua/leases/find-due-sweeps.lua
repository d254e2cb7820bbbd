-- Finds out which steps of a sweep may have something to do in each region pool. Measures how fast slots become free on the way.
--
-- Keys (lists, one of each per region pool)
--   reserved, arriving, disconnected, ended, offers, attended, heartbeats, queue, inbox, totals
-- Arguments
--   silent_for_ms   time after which a host counts as silent
--   queue_grace_ms  how long an unattended entry is kept in the queue
-- Returns per region pool a letter for each step: s sessions, r records, o offers, q queue, h silent hosts
-- Invariant: no step that has something to do is left out. A named step may find nothing: the head of a list of due entries may
--   be stale.

local function head_is_due(key)
  local entry = redis.call('LINDEX', key, 0)
  return entry and tonumber(string.match(entry, '^%d+')) <= now_ms
end

local function has_score_up_to(key, bound)
  return #redis.call('ZRANGEBYSCORE', key, '-inf', bound, 'LIMIT', 0, 1) > 0
end

local function exists(key)
  return redis.call('EXISTS', key) == 1
end

local reply = {}
for i = 1, #totals_keys do
  local due = ''
  -- The step for sessions also serves the queue, should a slot be free that was not offered.
  if head_is_due(reserved_keys[i]) or head_is_due(arriving_keys[i]) or head_is_due(disconnected_keys[i]) or exists(queue_keys[i]) then
    due = due .. 's'
  end
  if head_is_due(ended_keys[i]) or exists(inbox_keys[i]) then
    due = due .. 'r'
  end
  if head_is_due(offers_keys[i]) then
    due = due .. 'o'
  end
  if has_score_up_to(attended_keys[i], now_ms - queue_grace_ms) then
    due = due .. 'q'
  end
  if has_score_up_to(heartbeats_keys[i], '(' .. (now_ms - silent_for_ms)) then
    due = due .. 'h'
  end
  measure_freed_rate(totals_keys[i])
  reply[i] = due
end
return reply
