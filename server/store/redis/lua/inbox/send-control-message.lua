-- Puts a control message about this region pool into the inbox of a broker: a line among the relayed messages (relay-messages.lua)
-- with * for the host.
--
-- Arguments
--   broker_id  the recipient
--   body
-- Returns 1, or 0 when the inbox is full

local field = 'messages/' .. broker_id
local inbox = (redis.call('HGET', inbox_key, field) or now_ms .. ';') .. '*||0|' .. body .. '\n'
if #inbox > INBOX_MAX_BYTES then
  return 0
end
redis.call('HSET', inbox_key, field, inbox)
return 1
