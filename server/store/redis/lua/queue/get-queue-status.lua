-- Says where entries are, and how fast slots become free: measured between two calls.
--
-- Arguments
--   attended     whether the players of these entries are connected
-- Lists
--   session_ids
-- Returns per entry one text, by its first character:
--   ~ entries ahead|arrivedAtMs|missed|clientBrokerId|title | = record | ? unknown
--   and at the end the length of the queue and the slots freed per millisecond, '' when not measured yet

load_sessions(session_ids)

local function describe_waiting(rank, waiting)
  local title = cjson.decode(waiting.meta)[3]
  return '~' .. text_of[rank] .. '|' .. text_of[waiting.arrived_at] .. '|' .. text_of[waiting.misses] .. '|' .. waiting.broker
    .. '|' .. title
end

local reply, attended_times = {}, {}
for i, id in ipairs(session_ids) do
  local rank, session = redis.call('ZRANK', queue_key, id), sessions[id]
  if rank then
    reply[i] = describe_waiting(rank, load_waiting(id))
  elseif session then
    reply[i] = '=' .. encode_session(session)
  else
    reply[i] = '?'
  end
  if attended and (rank or session and session.state == 'offered') then
    attended_times[#attended_times + 1] = now_ms
    attended_times[#attended_times + 1] = id
  end
end
call_with_values('ZADD', attended_key, attended_times)

reply[#session_ids + 1] = redis.call('ZCARD', queue_key)
reply[#session_ids + 2] = measure_freed_rate(totals_key)
return reply
