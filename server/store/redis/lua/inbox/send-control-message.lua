-- Leaves a broker a word about this place: a line among its letters, see forward.lua, for nobody's host and of no session.
--
-- ARGV  3 brokerId  4 bytes that may wait for one broker  5 body
-- Returns 1, or 0 when too much waits

local field = 'letters/' .. ARGV[3]
local box = (redis.call('HGET', KEYS[10], field) or now .. ';') .. '*||0|' .. ARGV[5] .. '\n'
if #box > tonumber(ARGV[4]) then
  return 0
end
redis.call('HSET', KEYS[10], field, box)
return 1
