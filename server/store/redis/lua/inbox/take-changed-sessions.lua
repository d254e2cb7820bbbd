-- Takes the sessions that changed and concern the calling broker.
--
-- Returns per session: sessionId, record

local waiting = redis.call('HGET', KEYS[10], caller)
if not waiting then
  return {}
end
redis.call('HDEL', KEYS[10], caller)
local ids, taken = {}, {}
for id in string.gmatch(string.sub(waiting, string.find(waiting, ';', 1, true) + 1), '[^,]+') do
  if not taken[id] then
    taken[id] = true
    ids[#ids + 1] = id
  end
end
load_sessions(ids)
local out = {}
for _, id in ipairs(ids) do
  if sessions[id] then
    out[#out + 1] = id
    out[#out + 1] = encode_session(sessions[id])
  end
end
return out
