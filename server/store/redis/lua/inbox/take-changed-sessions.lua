-- Takes the changed sessions out of the inbox of the calling broker.
--
-- Arguments
--   caller_id  the calling broker
-- Returns per session: sessionId, record

local waiting = redis.call('HGET', inbox_key, caller_id)
if not waiting then
  return {}
end
redis.call('HDEL', inbox_key, caller_id)
local ids, seen = {}, {}
for id in string.gmatch(string.match(waiting, ';(.*)$'), '[^,]+') do
  if not seen[id] then
    seen[id] = true
    ids[#ids + 1] = id
  end
end
load_sessions(ids)
local reply = {}
for _, id in ipairs(ids) do
  if sessions[id] then
    reply[#reply + 1] = id
    reply[#reply + 1] = encode_session(sessions[id])
  end
end
return reply
