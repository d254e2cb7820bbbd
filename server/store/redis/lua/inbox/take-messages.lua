-- Takes the letters that wait for the calling broker, as forward.lua leaves them.
--
-- Returns their lines

local field = 'letters/' .. caller
local waiting = redis.call('HGET', KEYS[10], field)
if not waiting then
  return ''
end
redis.call('HDEL', KEYS[10], field)
return string.sub(waiting, string.find(waiting, ';', 1, true) + 1)
