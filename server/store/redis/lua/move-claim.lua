-- Notes where a request was placed.
--
-- KEYS  1 the player's requests
-- ARGV  4 requestId  5 sessionId  6 region  7 pool
-- Keeps: a request that was taken over or forgotten meanwhile stays as it is.

local lines = read(KEYS[1])
local first, after, last = find(lines, ARGV[4])
if first then
  local session, epoch, made_at = string.match(string.sub(lines, after, last), '^([^|]*)|(%d+)|.*|(%d+)\n$')
  if session == ARGV[5] then
    local record = session .. '|' .. epoch .. '|' .. ARGV[6] .. '|' .. ARGV[7] .. '|' .. made_at .. '\n'
    local moved = string.sub(lines, 1, after - 1) .. record .. string.sub(lines, last + 1)
    redis.call('SET', KEYS[1], moved, 'KEEPTTL')
  end
end
return 'ok'
