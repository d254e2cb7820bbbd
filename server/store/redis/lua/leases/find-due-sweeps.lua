-- Which steps of a sweep may have something to do, place by place. Measures how fast slots become free on the way.
--
-- KEYS  per place its reserved, arriving, disconnected, ended, offers, attended, beats, queue, mail and totals
-- ARGV  2 milliseconds of silence  3 milliseconds that a place in the queue is kept unattended
-- Returns per place a letter for each step: s sessions, r records, o offers, q queue, h silent hosts
-- Keeps: no step that has something to do is left out. One that is named may find nothing: what stands at the head of a
-- list of due entries may have been settled long ago.

local function head_is_due(key)
  local entry = redis.call('LINDEX', key, 0)
  return entry and tonumber(string.match(entry, '^%d+')) <= now
end

local function has_score_up_to(key, bound)
  return #redis.call('ZRANGEBYSCORE', key, '-inf', bound, 'LIMIT', 0, 1) > 0
end

local reply = {}
for i = 1, #KEYS, 10 do
  local reserved, arriving, disconnected, ended, offers = KEYS[i], KEYS[i + 1], KEYS[i + 2], KEYS[i + 3], KEYS[i + 4]
  local attended, beats, totals = KEYS[i + 5], KEYS[i + 6], KEYS[i + 9]
  local due = ''
  -- Whoever waits is served by the way, should a slot be free that nobody was offered.
  if head_is_due(reserved) or head_is_due(arriving) or head_is_due(disconnected) or redis.call('EXISTS', KEYS[i + 7]) == 1 then
    due = due .. 's'
  end
  if head_is_due(ended) or redis.call('EXISTS', KEYS[i + 8]) == 1 then
    due = due .. 'r'
  end
  if head_is_due(offers) then
    due = due .. 'o'
  end
  if has_score_up_to(attended, now - ARGV[3]) then
    due = due .. 'q'
  end
  if has_score_up_to(beats, '(' .. (now - ARGV[2])) then
    due = due .. 'h'
  end
  measure_freed(totals)
  reply[#reply + 1] = due
end
return reply
