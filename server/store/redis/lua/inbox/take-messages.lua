-- Takes the relayed and control messages out of the inbox of the calling broker.
--
-- Arguments
--   caller_id  the calling broker
-- Returns their lines, as relay-messages.lua writes them

local field = 'messages/' .. caller_id
local waiting = redis.call('HGET', inbox_key, field)
if not waiting then
  return ''
end
redis.call('HDEL', inbox_key, field)
return string.sub(waiting, string.find(waiting, ';', 1, true) + 1)
