-- Where placements stand, and how fast slots become free: measured between two calls.
--
-- ARGV  3 1 when their players are there  4... sessionId
-- Returns per placement one text, by its first letter:
--   ~ placements ahead|arrivedAtMs|missed|clientBrokerId|title | = record | ? unknown
--   and at the end the length of the queue and the slots freed per millisecond, '' when not known

local ids, reply, attended = {}, {}, {}
for i = 4, #ARGV do
  ids[i - 3] = ARGV[i]
end
load_sessions(ids)
for i, id in ipairs(ids) do
  local rank = redis.call('ZRANK', KEYS[11], id)
  local session = sessions[id]
  if rank then
    local waiting = load_waiting(id)
    reply[i] = '~' .. text_of[rank] .. '|' .. text_of[waiting.arrived_at] .. '|' .. text_of[waiting.misses] .. '|' .. waiting.broker .. '|'
      .. cjson.decode(waiting.meta)[3]
  elseif session then
    reply[i] = '=' .. encode_session(session)
  else
    reply[i] = '?'
  end
  if ARGV[3] == '1' and (rank or session and session.state == 'offered') then
    attended[#attended + 1] = now
    attended[#attended + 1] = id
  end
end
call_with('ZADD', KEYS[13], attended)

reply[#ids + 1] = redis.call('ZCARD', KEYS[11])
reply[#ids + 2] = measure_freed(KEYS[9])
return reply
